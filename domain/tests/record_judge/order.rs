//! Values of the batch's order: a pass holds them, and says that they are the order's.

use super::{RecordDoubt, Value, expected, sound};
use jigline_domain::{
    profile::{OrderBounds, OrderValues},
    record::judge_record,
};

#[test]
fn a_pass_holds_the_orders_value_and_says_so_or_is_doubted() {
    let mut released = expected();
    released.left_to_order.insert("cell_count".to_owned(), OrderBounds { min: 4.0, max: 16.0 });
    let ordered = released.clone().with_order(&OrderValues::from([("cell_count".to_owned(), 14.0)]));
    let mut record = sound();
    let set = |record: &mut jigline_domain::record::BirthRecord, value: f64, from_order: bool| {
        let parameter = &mut record.parameters[0];
        parameter.set = Value::Number(value);
        parameter.after_restart = Some(Value::Number(value));
        parameter.from_order = from_order;
    };
    let differs = [RecordDoubt::ParameterDiffersFromProfile { name: "cell_count".to_owned() }];
    for (value, says_so, under_order, under_profile) in [
        (14.0, true, true, false),
        (14.0, false, false, false),
        (12.0, true, false, false),
        (12.0, false, false, true),
    ] {
        set(&mut record, value, says_so);
        for (expected, is_sound) in [(&ordered, under_order), (&released, under_profile)] {
            let doubts = judge_record(&record, expected);
            assert_eq!(doubts.is_empty(), is_sound, "{value} {says_so}: {doubts:?}");
            assert!(is_sound || doubts == differs);
        }
    }
}
