//! Numbers that are scanned from labels: a pass has one of its batch's form, and says that it was scanned.

use super::{RecordDoubt, expected, sound};
use jigline_domain::{
    label::{LabelForm, ScannedLabel},
    prompt::AnswerSource,
    record::{BirthRecord, Expected, judge_record},
};

fn labelled(text: &str, serial: &str) -> BirthRecord {
    let label = ScannedLabel {
        text: text.to_owned(),
        address: None,
        by: None,
        source: AnswerSource::Fixture,
        after_ms: 900,
    };
    BirthRecord { serial: Some(serial.to_owned()), label: Some(label), ..sound() }
}

#[test]
fn a_pass_of_a_batch_of_labels_has_a_scanned_number_of_their_form() {
    let form = LabelForm::Scan { pattern: Some("L-##".to_owned()), length: None };
    let of_labels = expected().with_labels(Some(&form));
    let doubts = |record: &BirthRecord, expected: &Expected| judge_record(record, expected);
    let not_proved = [RecordDoubt::LabelNotProved];
    assert_eq!(doubts(&labelled("L-07", "L-07"), &of_labels), []);
    assert_eq!(doubts(&labelled("L-7", "L-7"), &of_labels), not_proved);
    assert_eq!(doubts(&labelled("L-07", "L-08"), &of_labels), not_proved);
    assert_eq!(doubts(&BirthRecord { label: None, ..labelled("L-07", "L-07") }, &of_labels), not_proved);
    // Where numbers are lent none is scanned.
    assert_eq!(doubts(&labelled("L-07", "L-07"), &expected()), not_proved);
    // The pattern's check character is the label's.
    let mut of_numbers = expected();
    of_numbers.number_pattern = "TB{yy}{ww}{seq:5}{check}".to_owned();
    let of_numbers = of_numbers.with_labels(Some(&LabelForm::Number));
    assert_eq!(doubts(&labelled("TB264800001K", "TB264800001K"), &of_numbers), not_proved);
    let pattern = jigline_domain::serial_number::Pattern::parse("TB{yy}{ww}{seq:5}{check}").unwrap();
    let sound = pattern.number(1, "2026-11-23".parse().unwrap()).unwrap();
    assert_eq!(doubts(&labelled(&sound, &sound), &of_numbers), []);
}

#[test]
fn a_record_travels_as_json_and_comes_back_the_same() {
    for record in [sound(), labelled("L-07", "L-07")] {
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<BirthRecord>(&json).unwrap(), record);
    }
}
