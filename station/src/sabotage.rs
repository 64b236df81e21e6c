//! Ways to spoil the station on purpose, so that a campaign shows that it would find such a fault. Compiled only with the feature
//! `sabotage`, which only a campaign's own build turns on: nothing that works on boards holds a line of this.

use domain::prompt::{Answer, Asks};
use protocol::modbus::Request;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

/// One way of being wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// What was written once is never read again: its value is taken from what was sent.
    SkipReadBack,
    /// Read again it is, but what counts is what was sent.
    VerifyFromWriteBuffer,
    /// An answer that comes too late is taken for that of the next question.
    AcceptLateAnswer,
    /// Nobody compares who answers after an accident or a restart.
    SkipIdentityCheck,
    /// The image counts as proved by its transfer.
    IgnoreCrcEvidence,
    /// After an accident the line is not drained.
    NoDrain,
    /// The supply is not switched before everything is read afresh.
    SkipRestart,
    /// No read is repeated and no write.
    NeverRepeat,
    /// A board that stayed in its loader is reported as something else.
    HideLoader,
    /// A finished record never reaches the disk.
    LoseRecord,
    /// A minute is idled away before the application is waited for.
    Dawdle,
    /// Ids are drawn from the machine, not from the seed.
    RealChance,
    /// What a crash left open is deleted at the next start.
    ForgetInterrupted,
    /// A run is on disk only when it is closed.
    OpenLate,
    /// A number that a board has is given to the next one, too.
    NumberAgain,
    /// A label is taken without looking whether another board has it, here, in another slot or at the server.
    AnyLabel,
    /// The board gets another password than the one that is sealed in its record.
    SealAnother,
    /// Records that the server never acknowledged are pruned.
    TrustSilence,
    /// Nobody asks whether the board has passed.
    SkipAdmission,
    /// The load stays on when a run ends.
    LeaveLoad,
    /// A board whose run failed stays as it was set up for its test.
    SkipTearDown,
    /// A board is begun without a share of its batch.
    StartWithoutShare,
    /// A station that begins anew goes on with the numbers that it had.
    KeepNumbers,
    /// A board is said to sleep that nobody told to.
    SkipSleep,
    /// Every slot works what the station works, whatever it was given itself.
    OneBatch,
    /// Nobody is asked what the procedure asks; a right answer is written down.
    InventAnswers,
    /// A reference is worked like any board.
    WorkReference,
}

impl Sabotage {
    pub const ALL: [Self; 27] = [
        Self::SkipReadBack,
        Self::VerifyFromWriteBuffer,
        Self::AcceptLateAnswer,
        Self::SkipIdentityCheck,
        Self::IgnoreCrcEvidence,
        Self::NoDrain,
        Self::SkipRestart,
        Self::NeverRepeat,
        Self::HideLoader,
        Self::LoseRecord,
        Self::Dawdle,
        Self::RealChance,
        Self::ForgetInterrupted,
        Self::OpenLate,
        Self::NumberAgain,
        Self::AnyLabel,
        Self::SealAnother,
        Self::TrustSilence,
        Self::SkipAdmission,
        Self::LeaveLoad,
        Self::SkipTearDown,
        Self::StartWithoutShare,
        Self::KeepNumbers,
        Self::SkipSleep,
        Self::OneBatch,
        Self::InventAnswers,
        Self::WorkReference,
    ];

    /// Its name on a command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SkipReadBack => "skip_read_back",
            Self::VerifyFromWriteBuffer => "verify_from_write_buffer",
            Self::AcceptLateAnswer => "accept_late_answer",
            Self::SkipIdentityCheck => "skip_identity_check",
            Self::IgnoreCrcEvidence => "ignore_crc_evidence",
            Self::NoDrain => "no_drain",
            Self::SkipRestart => "skip_restart",
            Self::NeverRepeat => "never_repeat",
            Self::HideLoader => "hide_loader",
            Self::LoseRecord => "lose_record",
            Self::Dawdle => "dawdle",
            Self::RealChance => "real_chance",
            Self::ForgetInterrupted => "forget_interrupted",
            Self::OpenLate => "open_late",
            Self::NumberAgain => "number_again",
            Self::AnyLabel => "any_label",
            Self::SealAnother => "seal_another",
            Self::TrustSilence => "trust_silence",
            Self::SkipAdmission => "skip_admission",
            Self::LeaveLoad => "leave_load",
            Self::SkipTearDown => "skip_tear_down",
            Self::StartWithoutShare => "start_without_share",
            Self::KeepNumbers => "keep_numbers",
            Self::SkipSleep => "skip_sleep",
            Self::OneBatch => "one_batch",
            Self::InventAnswers => "invent_answers",
            Self::WorkReference => "work_reference",
        }
    }

    /// # Errors
    /// No sabotage is called so; the text lists them all.
    pub fn parse(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.as_str() == name).ok_or_else(|| {
            format!("no sabotage is called {name:?}; there are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// Place in [`Sabotage::ALL`], counted from 1; 0: none.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// Spoils every station of this process in this way, or none of them.
pub fn choose(sabotage: Option<Sabotage>) {
    CHOSEN.store(sabotage.map_or(0, |one| one as usize + 1), Ordering::SeqCst);
}

/// Whether that is the one.
pub(crate) fn is(sabotage: Sabotage) -> bool {
    CHOSEN.load(Ordering::SeqCst) == sabotage as usize + 1
}

/// What answers a question where nobody is asked.
pub(crate) fn invent_answer(asks: &Asks) -> Option<Answer> {
    is(Sabotage::InventAnswers).then(|| match asks {
        Asks::Confirm => Answer::Confirm(true),
        Asks::Scan { pattern, .. } => Answer::Scan(pattern.as_deref().unwrap_or("0").replace('#', "0")),
        Asks::Number { limit, .. } => Answer::Number(limit.min.unwrap_or_default()),
    })
}

/// What a spoilt link remembers instead of asking.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    written: BTreeMap<u16, u16>,
    seen: BTreeMap<u16, u16>,
}

impl Shadow {
    /// The answer to a read that is not made: everything was seen, and some of it was written since.
    pub(crate) fn answer(&self, request: &Request) -> Option<Vec<(u16, u16)>> {
        let (address, quantity) = request.span();
        let span = || (address..).take(usize::from(quantity));
        if !is(Sabotage::SkipReadBack) || !span().any(|at| self.written.contains_key(&at)) {
            return None;
        }
        span()
            .map(|at| self.written.get(&at).or_else(|| self.seen.get(&at)).map(|word| (at, *word)))
            .collect()
    }

    /// A read was answered; what was written takes the place of what was read.
    pub(crate) fn read(&mut self, request: &Request, words: &mut BTreeMap<u16, u16>) {
        let (address, quantity) = request.span();
        for at in (address..).take(usize::from(quantity)) {
            if let Some(word) = words.get_mut(&at) {
                self.seen.insert(at, *word);
                if let Some(written) = self.written.get(&at)
                    && is(Sabotage::VerifyFromWriteBuffer)
                {
                    *word = *written;
                }
            }
        }
    }

    /// A write was answered.
    pub(crate) fn wrote(&mut self, request: &Request) {
        let (address, _) = request.span();
        match request {
            Request::WriteSingle { value, .. } => {
                self.written.insert(address, *value);
            }
            Request::WriteMultiple { values, .. } => {
                self.written.extend((address..).zip(values.iter().copied()));
            }
            // The map's own requests are of registers.
            Request::ReadHolding { .. }
            | Request::ReadInput { .. }
            | Request::ReadCoils { .. }
            | Request::WriteCoils { .. } => {}
        }
    }
}
