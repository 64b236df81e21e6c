//! Which slot works what, and when another order takes over.

use super::*;
use domain::{api::stations::SlotWork, floor::BatchHold, ids::BatchId};

const SECOND: BatchId = BatchId(Uuid::from_u128(2));

/// Gives slot 2 a batch of its own.
fn split(server: &ScriptedServer) {
    let all = server.assignment.borrow().clone().unwrap();
    let work = domain::api::stations::Assignment { batch_id: SECOND, batch_name: "B-2".into(), ..all };
    server.of_slots.replace(vec![SlotWork { slot: 2, work }]);
}

fn first(server: &ScriptedServer) -> BatchId {
    server.assignment.borrow().as_ref().unwrap().batch_id
}

#[tokio::test(start_paused = true)]
async fn two_slots_work_two_batches_each_with_numbers_and_shares_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    split(&server);
    let first = first(&server);
    beside(folder.path(), &server, ports, &[1, 2], async |hall| {
        hall.live_until(|live| live.slots.iter().all(|slot| slot.batch_id.is_some())).await;
        hall.presence(1, true).await;
        hall.presence(2, true).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.lamp(2, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    let mut worked: Vec<_> =
        records(&server).iter().map(|envelope| (envelope.record.slot, envelope.record.batch_id)).collect();
    worked.sort_unstable();
    assert_eq!(worked, [(1, first), (2, SECOND)]);
    let (agent, _, _) = open(folder.path(), Rc::clone(&server), silent_lines().0, &[1, 2]);
    let numbers = |batch| agent.shared.journal.free_numbers(batch).unwrap();
    assert_eq!((numbers(first), numbers(SECOND)), (100, 100), "half a shift for half of the slots each");
}

#[tokio::test(start_paused = true)]
async fn a_board_under_work_is_finished_under_the_order_that_it_was_begun_with() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let first = first(&server);
    beside(folder.path(), &server, ports, &[1, 2], async |hall| {
        hall.live_until(|live| live.batch_id == Some(first)).await;
        hall.presence(2, true).await;
        hall.lamp(2, Lamp::Busy).await;
        split(&server);
        // Told by now, and shown: but the board that lies there is the first batch's, with its verdict, too.
        sleep(ORDER_INTERVAL * 2).await;
        hall.lamp(2, Lamp::Fail).await;
        hall.live_until(|live| live.slots[1].batch_id == Some(first)).await;
        hall.presence(2, false).await;
        hall.live_until(|live| live.slots[1].batch_id == Some(SECOND) && live.batch_id.is_none()).await;
        hall.presence(2, true).await;
        hall.lamp(2, Lamp::Fail).await;
        hall.stop();
    })
    .await;
    let worked: Vec<_> = records(&server).iter().map(|envelope| envelope.record.batch_id).collect();
    assert_eq!(worked, [first, SECOND]);
}

#[tokio::test(start_paused = true)]
async fn a_slot_whose_batch_quality_holds_begins_no_board_says_why_and_the_others_work() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    let hold = BatchHold { reason: "cells drift".into(), by: "qiu".into(), at: DateTime::UNIX_EPOCH };
    split(&server);
    server.assignment.borrow_mut().as_mut().unwrap().hold = Some(hold);
    let opened = open(folder.path(), Rc::clone(&server), ports, &[1, 2]);
    let shut = |state: &SlotState| matches!(state, SlotState::Broken { fault } if fault.code == FaultCode::BatchHeld && fault.args["by"] == "qiu");
    run_beside(opened, async |hall| {
        hall.live_until(|live| shut(&live.slots[0].state)).await;
        hall.presence(1, true).await;
        hall.presence(2, true).await;
        hall.lamp(2, Lamp::Fail).await;
        hall.live_until(|live| shut(&live.slots[0].state)).await;
        hall.stop();
    })
    .await;
    let worked: Vec<_> = records(&server).iter().map(|envelope| envelope.record.slot).collect();
    assert_eq!(worked, [2]);
}
