//! The state in which a board is shipped: shown in every part that is ordered, and in none that is not.

use super::*;

fn ordered() -> Expected {
    let ship = ExpectedShip { clear: true, date: true, clock: true, sleep: true };
    Expected { ship, ..expected() }
}

fn shown() -> ShipRecord {
    let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    ShipRecord {
        commands: vec!["clear_history".to_owned()],
        counters: vec![CounterRecord {
            register: "short_circuit_count".to_owned(),
            before: Some(2),
            after_restart: Some(0),
        }],
        date: Some(DateRecord {
            register: "date".to_owned(),
            set: at.date_naive(),
            after_restart: Some(at.date_naive().to_string()),
        }),
        clock: Some(ClockRecord {
            register: "clock".to_owned(),
            set: at,
            ahead_s: Some(-10),
            evidence: Evidence::Verified,
        }),
        asleep: Some(Evidence::Verified),
    }
}

fn doubts(expected: &Expected, spoil: impl Fn(&mut ShipRecord)) -> Vec<RecordDoubt> {
    let mut record = sound();
    let mut ship = shown();
    spoil(&mut ship);
    record.ship = Some(ship);
    judge_record(&record, expected)
}

#[test]
fn a_pass_shows_every_part_of_the_state_for_shipping_that_is_ordered() {
    let doubt = [RecordDoubt::ShipStateNotProved];
    assert_eq!(doubts(&ordered(), |_| {}), []);
    // Who can't be asked without being woken acknowledged at least; a clock that can't be read was set at least.
    assert_eq!(doubts(&ordered(), |ship| ship.asleep = Some(Evidence::Claimed)), []);
    assert_eq!(
        doubts(&ordered(), |ship| {
            let clock = ship.clock.as_mut().unwrap();
            (clock.ahead_s, clock.evidence) = (None, Evidence::Claimed);
        }),
        []
    );
    assert_eq!(judge_record(&sound(), &ordered()), doubt);
    type Spoil = fn(&mut ShipRecord);
    let spoils: [(&str, Spoil); 10] = [
        ("nothing was counted", |ship| ship.counters.clear()),
        ("a counter went on", |ship| ship.counters[0].after_restart = Some(1)),
        ("a counter was not read again", |ship| ship.counters[0].after_restart = None),
        ("no date", |ship| ship.date = None),
        ("another date", |ship| ship.date.as_mut().unwrap().after_restart = Some("2012-12-31".to_owned())),
        ("a date that nobody read", |ship| ship.date.as_mut().unwrap().after_restart = None),
        ("no clock", |ship| ship.clock = None),
        ("a clock that stood", |ship| ship.clock.as_mut().unwrap().ahead_s = Some(-11)),
        ("a clock that was read before the restart", |ship| {
            ship.clock.as_mut().unwrap().evidence = Evidence::Read;
        }),
        ("awake", |ship| ship.asleep = None),
    ];
    for (what, spoil) in spoils {
        assert_eq!(doubts(&ordered(), spoil), doubt, "{what}");
    }
}

#[test]
fn what_of_it_is_not_ordered_is_not_believed() {
    let doubt = [RecordDoubt::ShipStateNotProved];
    let without = |change: fn(&mut ExpectedShip)| {
        let mut expected = ordered();
        change(&mut expected.ship);
        doubts(&expected, |_| {})
    };
    assert_eq!(doubts(&expected(), |_| {}), doubt);
    assert_eq!(without(|ship| ship.clear = false), doubt);
    assert_eq!(without(|ship| ship.date = false), doubt);
    assert_eq!(without(|ship| ship.clock = false), doubt);
    assert_eq!(without(|ship| ship.sleep = false), doubt);
    assert_eq!(doubts(&expected(), |ship| *ship = ShipRecord::default()), []);
}
