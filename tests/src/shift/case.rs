//! What one seed stands for: how many slots and boards, what is wrong with some, what happens to them, to the station, its server, its
//! fixture and its disk, and when. Everything about a case follows from its seed; nothing else is drawn anywhere.

use crate::campaign::{FAULTS, Kind};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use simulator::{Fault, slot::Mishap};
use std::time::Duration;

/// Bytes of the image; every tenth case has a whole one.
const SMALL_IMAGE: u32 = 4 * 1024;
const WHOLE_IMAGE: u32 = 64 * 1024;
/// About what a board takes with each, from one hand to the next.
const SMALL_BOARD: Duration = Duration::from_secs(35);
const WHOLE_BOARD: Duration = Duration::from_secs(110);

/// One case in this many has a bad board.
const BAD_ONE_IN: u32 = 3;
/// One case in this many has fewer units to make than boards.
const SHORT_ONE_IN: u32 = 8;
/// More than any jig has boards.
pub const PLENTY: u32 = 100;
/// One case in this many has slots that work a batch of their own, from the beginning or from some time on.
const SPLIT_ONE_IN: u32 = 4;
/// One case in this many works a batch of scanned labels; in half of those one label was printed twice.
const LABELLED_ONE_IN: u32 = 4;
/// One case in this many has a procedure that asks the operator, too.
const ASKING_ONE_IN: u32 = 4;
/// One case in this many has a reference among its boards.
const REFERENCE_ONE_IN: u32 = 4;
/// One case in this many has its station's disk copied and worked with elsewhere.
const CLONED_ONE_IN: u32 = 8;

/// Where the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Whenever it waits.
    Wake,
    /// At its next commit, which does not come to be.
    BeforeCommit,
    /// At its next commit, which does, and nobody is told.
    AfterCommit,
}

/// One end of the program; somebody starts it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// After it was started.
    pub after: Duration,
    pub at: Where,
    /// Until it is started again.
    pub off: Duration,
    /// What becomes of its disk meanwhile.
    pub disk: Disk,
}

/// What becomes of a station's folder while its program is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    Kept,
    /// Somebody puts the last backup of it back.
    Restored,
    /// The last so many bytes of the write-ahead file never got to the disk, whatever it said.
    TornTail(u64),
    /// The middle of the journal is garbage.
    Garbled,
    /// It is new and empty.
    Lost,
}

/// Something that happens beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    ServerAway(Duration),
    /// The server does what it is asked; its answers get lost.
    AnswersLost(Duration),
    /// Each answer takes so long.
    ServerSlow {
        lasts: Duration,
        delay: Duration,
    },
    /// The fixture's cable is out.
    CableOut(Duration),
    /// The disk takes nothing that needs room.
    DiskFull(Duration),
    /// Somebody sets the clock, milliseconds.
    ClockSet(i64),
    Befalls {
        slot: u32,
        mishap: Mishap,
    },
    /// The boards of two slots change places.
    Swapped([u32; 2]),
    /// The slots from this one on are given the second batch.
    ChangedOver {
        from_slot: u32,
    },
    /// Somebody copies the station's folder.
    BackedUp,
    /// Somebody takes a copy of the station's disk to another jig and works there with the same key, until an administrator looks.
    Cloned {
        lasts: Duration,
        slots: u32,
        machine: Machine,
    },
}

/// Where the numbers of a case's boards come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    Lent,
    /// They stick on the boards. `twice`: the label of the first board was printed for the second, too.
    Labels {
        twice: Option<[u32; 2]>,
    },
}

/// On which machine a copy of a station works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// It calls itself as the first one does: a copied virtual machine.
    Same,
    Other,
}

impl Trouble {
    fn is_of_server(self) -> bool {
        matches!(self, Self::ServerAway(_) | Self::AnswersLost(_) | Self::ServerSlow { .. })
    }

    /// How long it stays.
    #[must_use]
    pub fn lasts(self) -> Duration {
        match self {
            Self::ServerAway(lasts)
            | Self::AnswersLost(lasts)
            | Self::ServerSlow { lasts, .. }
            | Self::CableOut(lasts)
            | Self::DiskFull(lasts)
            | Self::Cloned { lasts, .. } => lasts,
            Self::ClockSet(_)
            | Self::Befalls { .. }
            | Self::Swapped(_)
            | Self::ChangedOver { .. }
            | Self::BackedUp => Duration::ZERO,
        }
    }
}

/// A shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub seed: u64,
    pub kind: Kind,
    pub slots: u32,
    pub boards: u32,
    pub faulty: u32,
    /// What is wrong with the bad ones.
    pub fault: Option<Fault>,
    pub image_bytes: u32,
    pub numbers: Numbers,
    /// Its procedure asks the operator.
    pub asks: bool,
    /// This board is a reference, known-bad where its number is even: it is to be looked at and nothing else.
    pub reference: Option<u32>,
    /// Units that the batch is for; most are for more than there are boards.
    pub quantity: u32,
    /// And the second batch, which some slots may be given.
    pub second: u32,
    pub kills: Vec<Kill>,
    /// In the order of their times since the shift began.
    pub troubles: Vec<(Duration, Trouble)>,
}

/// What a trial leaves out or brings in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leaning {
    /// Every board has it.
    pub fault: Option<Fault>,
    /// The program is not killed and nothing else happens.
    pub quiet: bool,
}

impl Case {
    #[must_use]
    pub fn of(seed: u64, leaning: Leaning) -> Self {
        let mut chance = StdRng::seed_from_u64(seed ^ 0x0073_6869_6674);
        let kind = kind_of(seed, leaning);
        let whole = seed.is_multiple_of(10);
        let image_bytes = if whole { WHOLE_IMAGE } else { SMALL_IMAGE };
        let slots = chance.random_range(2..=8);
        let boards = slots + chance.random_range(0..=slots);
        let is_bad = chance.random_ratio(1, BAD_ONE_IN) && kind.has_loader();
        let drawn = is_bad.then(|| FAULTS[chance.random_range(0..FAULTS.len())]);
        let faulty = match leaning.fault {
            Some(_) => boards,
            // Of two copies the first could be the first board, with nobody to copy.
            None if drawn == Some(Fault::ClonedIdentity) => 1,
            None => u32::from(is_bad) * chance.random_range(1..=2.min(boards)),
        };
        let fault = leaning.fault.or(drawn);
        let horizon = horizon(image_bytes, boards, slots);
        let (kills, troubles) = if leaning.quiet {
            (Vec::new(), Vec::new())
        } else {
            let kills = kills(&mut chance, horizon);
            let mut troubles = troubles(&mut chance, horizon, slots);
            troubles.extend(cloned(&mut chance, horizon));
            troubles.sort_by_key(|(at, _)| *at);
            let twin = |trouble: &Trouble| matches!(trouble, Trouble::Cloned { machine: Machine::Same, .. });
            if kills.iter().any(|kill| kill.disk != Disk::Kept) || troubles.iter().any(|(_, one)| twin(one)) {
                // Off line nobody can know that a disk went back, nor that there are two of it: such a shift is judged with the
                // server there.
                troubles.retain(|(_, trouble)| !trouble.is_of_server());
            }
            (kills, troubles)
        };
        let is_short = !leaning.quiet && leaning.fault.is_none() && chance.random_ratio(1, SHORT_ONE_IN);
        let quantity =
            if is_short { boards - chance.random_range(1..=slots.min(boards - 1)) } else { PLENTY };
        let mut case = Self {
            seed,
            kind,
            slots,
            boards,
            faulty,
            fault,
            image_bytes,
            numbers: numbers(seed, slots, boards),
            asks: apart(seed, 0x0061_736b).random_ratio(1, ASKING_ONE_IN),
            reference: None,
            quantity,
            second: PLENTY,
            kills,
            troubles,
        };
        // Whoever copies a reference, or is born without an identity, is another matter.
        if fault.is_none() && kind != Kind::Jbd && case.numbers == Numbers::Lent {
            case.reference = reference(seed, boards);
        }
        if !leaning.quiet {
            case.split();
        }
        case
    }

    /// Some slots get a batch of their own.
    fn split(&mut self) {
        let mut chance = apart(self.seed, 0x0073_706c_6974);
        if !chance.random_ratio(1, SPLIT_ONE_IN) {
            return;
        }
        let from_slot = chance.random_range(2..=self.slots);
        let at = if chance.random_ratio(1, 2) { Duration::ZERO } else { within(&mut chance, self.horizon()) };
        if self.is_short() && chance.random_ratio(1, 2) {
            self.second = chance.random_range(1..=self.slots);
        }
        self.troubles.push((at, Trouble::ChangedOver { from_slot }));
        self.troubles.sort_by_key(|(at, _)| *at);
    }

    /// Since when a slot is to work the second batch.
    #[must_use]
    pub fn second_from(&self, slot: u32) -> Option<Duration> {
        self.troubles.iter().find_map(|(at, trouble)| match trouble {
            Trouble::ChangedOver { from_slot } if slot >= *from_slot => Some(*at),
            _ => None,
        })
    }

    /// Whether a label is on this board and on another one.
    #[must_use]
    pub fn is_printed_twice(&self, board: u32) -> bool {
        matches!(self.numbers, Numbers::Labels { twice: Some(twice) } if twice.contains(&board))
    }

    /// About how long it lasts where nothing happens.
    #[must_use]
    pub fn horizon(&self) -> Duration {
        horizon(self.image_bytes, self.boards, self.slots)
    }

    /// Whether a batch is for fewer units than there are boards.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.quantity < PLENTY || self.second < PLENTY
    }

    /// When everything that happens beside the station is over.
    #[must_use]
    pub fn calm_at(&self) -> Duration {
        self.troubles.iter().map(|(at, trouble)| *at + trouble.lasts()).max().unwrap_or_default()
    }
}

fn horizon(image_bytes: u32, boards: u32, slots: u32) -> Duration {
    (if image_bytes == WHOLE_IMAGE { WHOLE_BOARD } else { SMALL_BOARD }) * boards.div_ceil(slots)
}

/// Every tenth is of each other maker.
fn kind_of(seed: u64, leaning: Leaning) -> Kind {
    match seed % 10 {
        // Bad boards go the way on which each fault is seen.
        3 if leaning.fault.is_none() => Kind::Jbd,
        7 if leaning.fault.is_none() => Kind::JkPb,
        _ if seed.is_multiple_of(2) => Kind::Spl,
        _ => Kind::Hal,
    }
}

/// What is drawn from it changes nothing of the rest of a seed.
fn apart(seed: u64, what: u64) -> StdRng {
    StdRng::seed_from_u64(seed ^ what)
}

fn reference(seed: u64, boards: u32) -> Option<u32> {
    let mut chance = apart(seed, 0x676f_6c64);
    chance.random_ratio(1, REFERENCE_ONE_IN).then(|| chance.random_range(1..=boards))
}

fn numbers(seed: u64, slots: u32, boards: u32) -> Numbers {
    let mut chance = apart(seed, 0x006c_6162_656c);
    if !chance.random_ratio(1, LABELLED_ONE_IN) {
        return Numbers::Lent;
    }
    let twice = chance.random_ratio(1, 2).then(|| {
        let first = chance.random_range(1..=slots);
        // At the same time as the first one, or when that has its verdict.
        let second = chance.random_range(1..boards);
        [first, if second < first { second } else { second + 1 }]
    });
    Numbers::Labels { twice }
}

fn within(chance: &mut StdRng, most: Duration) -> Duration {
    Duration::from_micros(chance.random_range(0..=u64::try_from(most.as_micros()).unwrap_or(u64::MAX)))
}

fn kills(chance: &mut StdRng, horizon: Duration) -> Vec<Kill> {
    let count = chance.random_range(0..=3);
    (0..count)
        .map(|_| Kill {
            after: within(chance, horizon * 2 / 3),
            at: [Where::Wake, Where::BeforeCommit, Where::AfterCommit][chance.random_range(0..3)],
            off: within(chance, Duration::from_secs(20)),
            disk: match chance.random_range(0..16) {
                0 | 1 => Disk::Restored,
                2 => Disk::TornTail(chance.random_range(1..40_000)),
                3 => Disk::Garbled,
                4 => Disk::Lost,
                _ => Disk::Kept,
            },
        })
        .collect()
}

fn troubles(chance: &mut StdRng, horizon: Duration, slots: u32) -> Vec<(Duration, Trouble)> {
    let mut all = Vec::new();
    let mut lasting = |chance: &mut StdRng, one_in: u32, make: fn(Duration) -> Trouble| {
        if chance.random_ratio(1, one_in) {
            let (at, lasts) = (within(chance, horizon), within(chance, horizon / 2));
            all.push((at, make(lasts)));
        }
    };
    lasting(chance, 3, Trouble::ServerAway);
    lasting(chance, 4, Trouble::AnswersLost);
    lasting(chance, 4, |lasts| Trouble::ServerSlow { lasts, delay: Duration::from_millis(1500) });
    lasting(chance, 5, Trouble::CableOut);
    lasting(chance, 5, Trouble::DiskFull);
    if chance.random_ratio(1, 3) {
        // A minute, a day, or to the beginning of time and beyond.
        let by = [60_000, 86_400_000, 1_796_000_000_000][chance.random_range(0..3)];
        let by = if chance.random_ratio(1, 3) { by } else { -by };
        let at = within(chance, horizon);
        all.push((at, Trouble::ClockSet(by)));
        if by < -86_400_000 {
            // No board is begun by such a clock, until somebody sets it right.
            all.push((at + within(chance, horizon / 4), Trouble::ClockSet(-by)));
        }
    }
    if chance.random_ratio(1, 2) {
        all.push((within(chance, horizon / 2), Trouble::BackedUp));
    }
    for _ in 0..chance.random_range(0..=2) {
        let slot = chance.random_range(1..=slots);
        let at = within(chance, horizon);
        all.push((at, blow(chance, slot, slots)));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

fn cloned(chance: &mut StdRng, horizon: Duration) -> Option<(Duration, Trouble)> {
    chance.random_ratio(1, CLONED_ONE_IN).then(|| {
        let machine = if chance.random_ratio(1, 2) { Machine::Same } else { Machine::Other };
        let (at, lasts) = (within(chance, horizon), horizon / 4 + within(chance, horizon / 2));
        (at, Trouble::Cloned { lasts, slots: chance.random_range(1..=3), machine })
    })
}

fn blow(chance: &mut StdRng, slot: u32, slots: u32) -> Trouble {
    let mishap = match chance.random_range(0..4) {
        0 => Mishap::Pulled,
        1 => Mishap::PutBack,
        2 => Mishap::PowerCut(Duration::from_millis(chance.random_range(50..3000))),
        _ => return Trouble::Swapped([slot, slot % slots + 1]),
    };
    Trouble::Befalls { slot, mishap }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_stands_for_one_case_and_many_for_everything_that_may_happen() {
        let all: Vec<Case> = (1..=400).map(|seed| Case::of(seed, Leaning::default())).collect();
        assert_eq!(all[6], Case::of(7, Leaning::default()));
        assert_ne!(all[6].troubles, all[16].troubles);
        let has =
            |is: fn(&Trouble) -> bool| all.iter().any(|case| case.troubles.iter().any(|(_, one)| is(one)));
        assert!(
            has(|one| matches!(one, Trouble::ServerAway(_)))
                && has(|one| matches!(one, Trouble::AnswersLost(_)))
        );
        assert!(
            has(|one| matches!(one, Trouble::CableOut(_))) && has(|one| matches!(one, Trouble::DiskFull(_)))
        );
        assert!(
            has(|one| matches!(one, Trouble::ClockSet(_))) && has(|one| matches!(one, Trouble::Swapped(_)))
        );
        assert!(has(|one| matches!(one, Trouble::ServerSlow { .. })));
        let splits = all.iter().filter_map(|case| case.second_from(case.slots));
        assert!(splits.clone().any(|at| at.is_zero()) && splits.clone().any(|at| !at.is_zero()));
        assert!(all.iter().any(|case| case.second < PLENTY));
        for machine in [Machine::Same, Machine::Other] {
            let is_so = |(_, one): &(Duration, Trouble)| matches!(one, Trouble::Cloned { machine: its, .. } if *its == machine);
            assert!(all.iter().any(|case| case.troubles.iter().any(is_so)), "{machine:?}");
        }
        let labelled = |twice: bool| {
            all.iter()
                .any(|case| matches!(case.numbers, Numbers::Labels { twice: two } if two.is_some() == twice))
        };
        assert!(labelled(true) && labelled(false) && all.iter().any(|case| case.numbers == Numbers::Lent));
        assert!(all.iter().any(|case| case.asks) && all.iter().any(|case| !case.asks));
        let references = all.iter().filter_map(|case| case.reference);
        assert!(references.clone().any(|one| one % 2 == 0) && references.clone().any(|one| one % 2 == 1));
        assert!(all.iter().any(Case::is_short) && all.iter().all(|case| case.quantity > 0));
        for disk in [Disk::Restored, Disk::Garbled, Disk::Lost] {
            assert!(all.iter().any(|case| case.kills.iter().any(|kill| kill.disk == disk)), "{disk:?}");
        }
        for at in [Where::Wake, Where::BeforeCommit, Where::AfterCommit] {
            assert!(all.iter().any(|case| case.kills.iter().any(|kill| kill.at == at)), "{at:?}");
        }
        for case in &all {
            assert!((2..=8).contains(&case.slots) && case.boards >= case.slots);
            if let Numbers::Labels { twice: Some([first, second]) } = case.numbers {
                assert!(first != second && (1..=case.boards).contains(&second), "{first} {second}");
            }
            assert_eq!(case.image_bytes == WHOLE_IMAGE, case.seed % 10 == 0);
        }
    }

    #[test]
    fn what_lasts_is_over_when_it_is_calm() {
        let case = Case::of(3, Leaning { quiet: true, ..Leaning::default() });
        assert_eq!(case.calm_at(), Duration::ZERO);
        let troubles = vec![
            (Duration::from_secs(4), Trouble::ServerAway(Duration::from_secs(9))),
            (Duration::from_secs(8), Trouble::ClockSet(5)),
        ];
        assert_eq!(Case { troubles, ..case }.calm_at(), Duration::from_secs(13));
    }
}
