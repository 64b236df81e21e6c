//! Who a board is after its flash.

use super::bench::{PaperBench, order_of, parts};
use crate::{
    board::{BoardReply, BoardRequest},
    runner::{Effect, Event},
};
use domain::{identifier::IdentifierKind, model::ValidFrom, outcome::Outcome, record::judge_record};

#[test]
fn what_the_application_sets_at_its_first_start_may_change_with_the_flash_and_nothing_else_may() {
    // (which identifier the new image shows otherwise, whether its field is set by the firmware)
    for (changed, of_firmware, outcome) in
        [(1, true, Outcome::Pass), (1, false, Outcome::Aborted), (0, true, Outcome::Aborted)]
    {
        let (mut model, profile, procedure) = parts();
        for field in &mut model.identity.fields {
            if of_firmware && field.kind == IdentifierKind::BluetoothAddress {
                field.valid_from = ValidFrom::Firmware;
            }
        }
        let mut bench = PaperBench::with(order_of(model, profile, procedure));
        let mut flashed = false;
        let record = bench
            .work(|_, question, mut event| {
                flashed |= matches!(question, Effect::Board(BoardRequest::Flash { .. }));
                if let Event::Board(Ok(answer)) = &mut event {
                    let identity = match &mut answer.reply {
                        BoardReply::Identity(identity) => Some(identity),
                        BoardReply::Afresh(afresh) => Some(&mut afresh.identity),
                        _ => None,
                    };
                    if let Some(identity) = identity.filter(|_| flashed) {
                        identity.identifiers[changed].value = "868835400069".into();
                    }
                }
                event
            })
            .unwrap();
        assert_eq!(record.outcome, outcome, "{changed} {of_firmware}: {:?}", record.fault);
        if outcome == Outcome::Pass {
            assert_eq!(record.identifiers[1].value, "868835400069");
            assert_eq!(judge_record(&record, &bench.order.expected()), []);
        }
    }
}
