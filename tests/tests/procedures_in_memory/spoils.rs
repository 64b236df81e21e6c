//! A sound record spoilt in every way.

use super::*;

/// Everything that can be missing from a pass, or be in it without an order.
pub fn spoils(record: &BirthRecord, expected: &Expected) -> Vec<(String, BirthRecord)> {
    let mut spoilt = Vec::new();
    let mut spoil = |name: String, change: &dyn Fn(&mut BirthRecord)| {
        let mut other = record.clone();
        change(&mut other);
        spoilt.push((name, other));
    };
    for step in Step::ALL {
        if expected.orders(step) {
            spoil(format!("without {step:?}"), &|r| r.steps.retain(|entry| entry.step != step));
            spoil(format!("{step:?} failed"), &|r| {
                r.steps
                    .iter_mut()
                    .filter(|entry| entry.step == step)
                    .for_each(|e| e.outcome = StepOutcome::Failed);
            });
        } else {
            spoil(format!("with {step:?}"), &|r| {
                let other = r.steps[0].clone();
                r.steps.push(domain::record::StepRecord { step, ..other });
            });
        }
    }
    for index in 0..record.parameters.len() {
        spoil(format!("parameter {index} missing"), &|r| drop(r.parameters.remove(index)));
        spoil(format!("parameter {index} not verified"), &|r| r.parameters[index].evidence = Evidence::Read);
        spoil(format!("parameter {index} does not hold"), &|r| r.parameters[index].holds = false);
    }
    for index in 0..record.measurements.len() {
        spoil(format!("measurement {index} missing"), &|r| drop(r.measurements.remove(index)));
        spoil(format!("measurement {index} wide"), &|r| r.measurements[index].limit = Default::default());
        spoil(format!("measurement {index} off"), &|r| r.measurements[index].value = 1e9);
    }
    spoil("no identity".to_owned(), &|r| r.identifiers.retain(|one| one.kind == IdentifierKind::Serial));
    spoil("no serial".to_owned(), &|r| r.serial = None);
    spoil("another bundle".to_owned(), &|r| r.bundle.hash = ContentHash::of(b"another"));
    spoil("image".to_owned(), &|r| {
        r.firmware = match r.firmware.take() {
            Some(_) => None,
            None => Some(FirmwareRecord {
                before: None,
                version: "V1.9".to_owned(),
                image_sha256: ContentHash::of(b"x"),
                image_bytes: 1,
                transferred: true,
                evidence: FirmwareEvidence::BoardCrc,
                resent_blocks: 0,
            }),
        };
    });
    spoil("password".to_owned(), &|r| {
        r.password = match r.password.take() {
            Some(_) => None,
            None => {
                let text = "00".to_owned();
                Some(SecretRecord { length: 6, keyed_hash: text.clone(), sealed: text, proved: true })
            }
        };
    });
    spoil("lock".to_owned(), &|r| {
        r.lease = match r.lease.take() {
            Some(_) => None,
            None => Some(LeaseRecord {
                set: BirthLease::Open,
                reported: Some(BirthLease::Open),
                charge_on: Some(true),
                discharge_on: Some(true),
                evidence: Evidence::Verified,
            }),
        };
    });
    spoil("number".to_owned(), &|r| {
        r.number = match r.number.take() {
            Some(_) => None,
            None => Some(NumberRecord {
                register: "serial_number".to_owned(),
                read: r.serial.clone(),
                after_restart: r.serial.clone(),
                evidence: Evidence::Verified,
            }),
        };
    });
    if record.lease.is_none() {
        spoil("no output".to_owned(), &|r| r.output = None);
        for (charge_on, discharge_on) in [(false, true), (true, false)] {
            spoil(format!("output {charge_on} {discharge_on}"), &|r| {
                r.output = Some(OutputRecord { charge_on, discharge_on });
            });
        }
    }
    if record.number.is_some() {
        spoil("another number on the board".to_owned(), &|r| {
            r.number.as_mut().unwrap().after_restart = Some("TB264800001K".to_owned());
        });
        spoil("number not read after the restart".to_owned(), &|r| {
            r.number.as_mut().unwrap().evidence = Evidence::Read;
        });
    }
    spoilt
}
