//! Shares of the batch's quantity, through crashes and against servers of two versions.

use super::*;
use domain::{
    api::stations::ReturnShare,
    label::NumberSource,
    quota::{BatchLedger, Floor, HeldShare},
};
use std::collections::BTreeSet;

impl Desk {
    /// What a server with this ledger answers now.
    fn lease(&self, ledger: &mut BatchLedger, drawer: u32) -> HeldShare {
        let journal = self.journal();
        let fresh = SerialBlockId(Uuid::from_u128(50 + u128::from(journal.free_numbers(batch()).unwrap())));
        let question = journal.ask_block(batch(), drawer, fresh).unwrap();
        let share =
            Some(ledger.lease(station(), &question.share.unwrap(), Floor { stations: 1, at_least: 1 }));
        let serials = (0..question.count).map(|n| format!("{fresh}-{n}")).collect();
        let block = SerialBlock {
            block_id: question.block_id,
            batch_id: batch(),
            serials,
            share,
            scrapped: Vec::new(),
        };
        journal.store_block(&block).unwrap();
        self.share()
    }

    fn share(&self) -> HeldShare {
        self.journal().share(batch()).unwrap()
    }
}

/// A run that is opened, and nothing else.
fn draft(run: u128) -> BirthRecord {
    let mut bench = PaperBench::new();
    bench.run_id = RunId(Uuid::from_u128(run));
    let question = bench.start();
    let mut next = question;
    while let Some(asked) = next.take() {
        if let Some(Effect::OpenRun { record, .. }) =
            bench.done.iter().find(|effect| matches!(effect, Effect::OpenRun { .. }))
        {
            return (**record).clone();
        }
        let event = bench.answer(&asked);
        next = bench.tell(event);
    }
    panic!("the run was never opened")
}

fn ended_run(run: u128, outcome: Outcome) -> BirthRecord {
    BirthRecord { outcome, ..draft(run) }
}

#[test]
fn nothing_starts_without_a_share_and_nothing_is_written_then() {
    let desk = Desk::new();
    let refused = desk.journal().open_run(&draft(1), None);
    assert!(matches!(refused, Err(JournalFault::NoShare { .. })), "{refused:?}");
    assert_eq!(refused.unwrap_err().to_fault().code, FaultCode::NoShare);
    assert_eq!(desk.journal().finish_interrupted().unwrap(), vec![]);
    let mut ledger = BatchLedger::new(1);
    assert_eq!(desk.lease(&mut ledger, 8).free(), 1);
    desk.journal().open_run(&draft(1), None).unwrap();
    assert!(matches!(desk.journal().open_run(&draft(2), None), Err(JournalFault::NoShare { .. })));
    desk.journal().close_run(&ended_run(1, Outcome::Fail), None).unwrap();
    ledger.write_off(station(), desk.journal().outbox_id());
    assert_eq!(desk.lease(&mut ledger, 8).free(), 0);
    let refused = desk.journal().open_run(&draft(3), None).unwrap_err();
    assert_eq!(refused.to_fault().code, FaultCode::ShareWrittenOff);
}

/// By an order, when all of the batch has passed.
#[test]
fn a_board_that_counts_already_is_worked_once_more_without_a_share_and_costs_none() {
    use domain::record::{AdmissionRecord, AdmittedBy};
    let desk = Desk::new();
    let mut ledger = BatchLedger::new(1);
    desk.lease(&mut ledger, 1);
    desk.journal().open_run(&draft(1), None).unwrap();
    desk.journal().close_run(&ended_run(1, Outcome::Pass), None).unwrap();
    ledger.pass(station(), desk.journal().outbox_id(), true).unwrap();
    desk.journal().acknowledge(&[1]).unwrap();
    assert_eq!((desk.share().free(), ledger.room()), (0, 0));
    let order = AdmissionRecord { by: AdmittedBy::Server, rerun: None, counts_already: true };
    let counted = |record: BirthRecord| BirthRecord { admission: Some(order), ..record };
    for (run, outcome) in [(2, Outcome::Fail), (3, Outcome::Pass)] {
        desk.journal().open_run(&counted(draft(run)), None).unwrap();
        desk.journal().close_run(&counted(ended_run(run, outcome)), None).unwrap();
    }
    ledger.pass(station(), desk.journal().outbox_id(), false).unwrap();
    desk.journal().acknowledge(&[2, 3]).unwrap();
    let share = desk.lease(&mut ledger, 1);
    assert_eq!((share.open(), share.free(), share.consumed, share.settled), (0, 0, 2, 2));
    assert_eq!((ledger.passed, ledger.room()), (1, 0));
    assert!(matches!(desk.journal().open_run(&draft(4), None), Err(JournalFault::NoShare { .. })));
    // What was given to others is nobody's any more, an order or not.
    ledger.write_off(station(), desk.journal().outbox_id());
    desk.lease(&mut ledger, 1);
    assert!(matches!(desk.journal().open_run(&counted(draft(5)), None), Err(JournalFault::NoShare { .. })));
}

#[test]
fn a_crash_at_any_line_keeps_the_share_of_a_run_that_did_not_pass_and_spends_that_of_one_that_did() {
    let lines = 30;
    for cut in 0..=lines {
        let mut desk = Desk::new();
        let mut ledger = BatchLedger::new(3);
        desk.lease(&mut ledger, 8);
        let passed = work(&desk, 100, cut).is_some();
        desk.reopen();
        desk.journal().finish_interrupted().unwrap();
        let share = desk.share();
        assert_eq!((share.open(), share.consumed), (0, u64::from(passed)), "after {cut} lines");
        assert_eq!(share.free(), 3 - u64::from(passed));
        // Whoever takes the run over needs one again, and finds it.
        if !passed {
            assert_eq!(work(&desk, 200, usize::MAX).unwrap().outcome, Outcome::Pass);
            assert_eq!(desk.share().free(), 2);
        }
    }
}

#[tokio::test]
async fn a_pass_is_settled_when_the_server_holds_it_and_a_failure_costs_nothing() {
    let desk = Desk::new();
    let mut ledger = BatchLedger::new(9);
    desk.lease(&mut ledger, 4);
    for (run, outcome) in [(1, Outcome::Pass), (2, Outcome::Fail), (3, Outcome::Aborted), (4, Outcome::Pass)]
    {
        desk.journal().open_run(&draft(run), None).unwrap();
        desk.journal().close_run(&ended_run(run, outcome), Some(&format!("board:{run}"))).unwrap();
    }
    // Closed once more, nothing is spent twice.
    desk.journal().close_run(&ended_run(1, Outcome::Pass), Some("board:1")).unwrap();
    let share = desk.share();
    assert_eq!((share.started, share.consumed, share.released, share.settled), (4, 2, 2, 0));
    desk.journal().acknowledge(&[1, 2]).unwrap();
    assert_eq!(desk.share().settled, 1);
    desk.journal().acknowledge(&[1, 2, 3, 4]).unwrap();
    assert_eq!((desk.share().settled, desk.share().free()), (2, 2));
}

/// The outbox that follows one that an administrator ended.
fn fresh_outbox() -> OutboxId {
    OutboxId(Uuid::from_u128(78))
}

impl Desk {
    /// Tells the server what is given back, while this batch is worked.
    fn give_back(&self, ledger: &mut BatchLedger) {
        for said in self.journal().unused_shares(&[batch()].into()).unwrap() {
            let grant = ledger.take_back(station(), &said.share);
            self.journal().share_returned(&said, &grant).unwrap();
        }
    }

    fn outstanding(&self, ledger: &BatchLedger, outbox: OutboxId) -> u64 {
        ledger.accounts.get(&(station(), outbox)).map_or(0, |account| account.outstanding())
    }

    /// What is on its way goes to the server, which counts each pass as a new unit.
    fn send(&self, ledger: &mut BatchLedger) -> Vec<Outcome> {
        let unsent = self.journal().unsent(100).unwrap();
        let envelopes = unsent.iter().map(|unsent| serde_json::from_str::<Envelope>(&unsent.text).unwrap());
        let mut outcomes = Vec::new();
        for envelope in envelopes {
            if envelope.record.outcome == Outcome::Pass {
                ledger.pass(station(), envelope.outbox_id, true).unwrap();
            }
            self.journal().acknowledge(&[envelope.number]).unwrap();
            outcomes.push(envelope.record.outcome);
        }
        outcomes
    }
}

#[test]
fn boards_under_work_when_the_outbox_ends_take_their_shares_along_and_the_rest_goes_back() {
    let mut desk = Desk::new();
    let mut ledger = BatchLedger::new(5);
    desk.lease(&mut ledger, 8);
    let ended = desk.journal().outbox_id();
    for run in 1..=4 {
        desk.journal().open_run(&draft(run), None).unwrap();
    }
    desk.journal().close_run(&ended_run(1, Outcome::Pass), Some("board:1")).unwrap();
    assert!(!desk.journal().begin_outbox(fresh_outbox()).unwrap(), "a record is on its way");
    assert_eq!((desk.share().free(), desk.share().open()), (1, 3), "and nothing was changed");
    desk.send(&mut ledger);
    assert!(desk.journal().begin_outbox(fresh_outbox()).unwrap());
    let share = desk.reopen().share(batch()).unwrap();
    assert_eq!((share.granted, share.started, share.open()), (0, 3, 3));
    let refused = desk.journal().open_run(&draft(5), None);
    assert!(
        matches!(refused, Err(JournalFault::NoShare { .. })),
        "the share that was free is not of this outbox"
    );
    desk.give_back(&mut ledger);
    assert_eq!((desk.outstanding(&ledger, ended), ledger.room()), (0, 4));
    assert_eq!(desk.lease(&mut ledger, 8).free(), 1, "three are under work");
    desk.journal().open_run(&draft(5), None).unwrap();
    desk.journal().close_run(&ended_run(2, Outcome::Pass), Some("board:2")).unwrap();
    desk.journal().close_run(&ended_run(3, Outcome::Fail), Some("board:3")).unwrap();
    // The station dies with the others open.
    desk.reopen();
    assert_eq!(desk.journal().finish_interrupted().unwrap().len(), 2, "no run is lost");
    let unsent = desk.journal().unsent(100).unwrap();
    let address = |unsent: &UnsentEnvelope| {
        let envelope: Envelope = serde_json::from_str(&unsent.text).unwrap();
        (envelope.outbox_id, envelope.number)
    };
    let addresses: Vec<_> = unsent.iter().map(address).collect();
    assert_eq!(addresses, [1, 2, 3, 4].map(|number| (fresh_outbox(), number)));
    assert_eq!(
        desk.send(&mut ledger),
        [Outcome::Pass, Outcome::Fail, Outcome::Interrupted, Outcome::Interrupted]
    );
    let share = desk.share();
    assert_eq!((share.started, share.consumed, share.released, share.settled), (4, 1, 3, 1));
    desk.give_back(&mut ledger);
    assert_eq!((ledger.passed, share.free(), desk.outstanding(&ledger, fresh_outbox())), (2, 3, 3));
    assert_eq!((ledger.room(), desk.outstanding(&ledger, ended)), (0, 0));
}

#[test]
fn the_last_board_of_a_batch_passes_although_the_outbox_ended_under_it() {
    let desk = Desk::new();
    let mut ledger = BatchLedger::new(1);
    desk.lease(&mut ledger, 8);
    desk.journal().open_run(&draft(1), None).unwrap();
    assert!(desk.journal().begin_outbox(fresh_outbox()).unwrap());
    desk.give_back(&mut ledger);
    desk.lease(&mut ledger, 8);
    desk.journal().close_run(&ended_run(1, Outcome::Pass), Some("board:1")).unwrap();
    assert_eq!(desk.send(&mut ledger), [Outcome::Pass]);
    assert_eq!((ledger.passed, ledger.room(), desk.share().free()), (1, 0, 0));
}

/// Ended once, ended again: whoever is under work all the time has one share, in the outbox that is in force.
#[test]
fn a_run_that_outlives_two_outboxes_has_one_share() {
    let desk = Desk::new();
    let mut ledger = BatchLedger::new(3);
    desk.lease(&mut ledger, 8);
    let first = desk.journal().outbox_id();
    desk.journal().open_run(&draft(1), None).unwrap();
    assert!(desk.journal().begin_outbox(fresh_outbox()).unwrap());
    desk.give_back(&mut ledger);
    desk.lease(&mut ledger, 8);
    assert!(desk.journal().begin_outbox(OutboxId(Uuid::from_u128(79))).unwrap());
    assert_eq!((desk.share().open(), desk.share().free()), (1, 0));
    desk.give_back(&mut ledger);
    assert_eq!(ledger.room(), 3);
    desk.lease(&mut ledger, 8);
    desk.journal().close_run(&ended_run(1, Outcome::Pass), Some("board:1")).unwrap();
    desk.send(&mut ledger);
    let outstanding = |outbox| desk.outstanding(&ledger, outbox);
    assert_eq!((outstanding(first), outstanding(fresh_outbox())), (0, 0));
    assert_eq!((ledger.passed, desk.share().free(), outstanding(desk.journal().outbox_id())), (1, 2, 2));
}

#[test]
fn what_is_not_used_goes_back_when_the_batch_is_withdrawn_and_the_server_is_told_until_it_knows() {
    let mut desk = Desk::new();
    let mut ledger = BatchLedger::new(9);
    desk.lease(&mut ledger, 4);
    desk.journal().open_run(&draft(1), None).unwrap();
    assert_eq!(desk.journal().unused_shares(&[batch()].into()).unwrap(), vec![], "it is being worked");
    let said = desk.journal().unused_shares(&BTreeSet::new()).unwrap();
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].batch_id, said[0].share.returned, said[0].share.wanted), (batch(), 3, 0));
    // The answer is lost, the station dies: it is said again, and nobody can start with what is given back.
    assert_eq!(desk.reopen().unused_shares(&BTreeSet::new()).unwrap(), said);
    assert_eq!(desk.share().free(), 0);
    let tell = |desk: &Desk, ledger: &mut BatchLedger, said: &ReturnShare| {
        let grant = ledger.take_back(station(), &said.share);
        desk.journal().share_returned(said, &grant).unwrap();
    };
    tell(&desk, &mut ledger, &said[0]);
    assert_eq!(ledger.room(), 8);
    assert_eq!(desk.journal().unused_shares(&BTreeSet::new()).unwrap(), vec![]);
    // Its board is finished later: what that did not need goes back as well.
    desk.journal().close_run(&ended_run(1, Outcome::Fail), None).unwrap();
    let said = desk.journal().unused_shares(&BTreeSet::new()).unwrap().remove(0);
    assert_eq!(said.share.returned, 4);
    tell(&desk, &mut ledger, &said);
    assert_eq!(ledger.room(), 9);
    // Given the batch again it gets new ones.
    assert_eq!(desk.lease(&mut ledger, 4).free(), 4);
}

#[test]
fn shares_whose_answer_was_lost_go_back_as_well() {
    let mut desk = Desk::new();
    let mut ledger = BatchLedger::new(9);
    let fresh = SerialBlockId(Uuid::from_u128(50));
    let question = desk.journal().ask_block(batch(), 4, fresh).unwrap();
    ledger.lease(station(), &question.share.unwrap(), Floor { stations: 1, at_least: 1 });
    assert_eq!((ledger.room(), desk.reopen().share(batch()).unwrap()), (5, HeldShare::default()));
    // Its batch is withdrawn, or its outbox ends, before it hears of them.
    assert!(desk.journal().begin_outbox(fresh_outbox()).unwrap());
    desk.give_back(&mut ledger);
    assert_eq!(ledger.room(), 5, "it learns of them first");
    desk.give_back(&mut ledger);
    assert_eq!(ledger.room(), 9);
    assert_eq!(desk.journal().unused_shares(&[batch()].into()).unwrap(), vec![]);
    assert_eq!(desk.lease(&mut ledger, 4).free(), 4);
    assert_eq!(desk.journal().unused_shares(&[batch()].into()).unwrap(), vec![]);
}

#[test]
fn a_drawer_holds_a_shift_and_is_filled_before_it_is_empty() {
    let desk = Desk::new();
    let mut ledger = BatchLedger::new(1000);
    assert!(desk.journal().needs_block(batch(), 200, NumberSource::Lent).unwrap());
    let first = desk.lease(&mut ledger, 200);
    assert_eq!((first.free(), desk.journal().free_numbers(batch()).unwrap()), (200, 16));
    assert!(desk.journal().needs_block(batch(), 200, NumberSource::Lent).unwrap(), "shares without numbers");
    assert!(
        !desk.journal().needs_block(batch(), 200, NumberSource::Label).unwrap(),
        "its boards bring theirs"
    );
    desk.lease(&mut ledger, 200);
    assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 200);
    assert!(!desk.journal().needs_block(batch(), 200, NumberSource::Lent).unwrap());
    for run in 1..=51 {
        desk.journal().open_run(&draft(run), None).unwrap();
        desk.journal().close_run(&ended_run(run, Outcome::Pass), Some(&format!("board:{run}"))).unwrap();
    }
    assert!(desk.journal().needs_block(batch(), 200, NumberSource::Lent).unwrap(), "a quarter is gone");
}

#[test]
fn an_answer_without_a_share_is_an_old_servers_and_its_numbers_start_boards() {
    let desk = Desk::new().with_numbers(2);
    let block = SerialBlock {
        block_id: SerialBlockId(Uuid::from_u128(3)),
        batch_id: batch(),
        serials: vec!["TB00001".into(), "TB00002".into()],
        share: None,
        scrapped: Vec::new(),
    };
    desk.journal().store_block(&block).unwrap();
    assert_eq!(desk.share().free(), 2, "the same block twice is no more");
    desk.journal().open_run(&draft(1), None).unwrap();
    // Then the server is replaced by one that knows shares.
    let mut ledger = BatchLedger::new(1);
    assert_eq!(desk.lease(&mut ledger, 8).free(), 0);
    desk.journal().close_run(&ended_run(1, Outcome::Fail), None).unwrap();
    assert_eq!(desk.share().free(), 1);
}

/// A journal that a program without shares wrote: two boards passed, the record of the second was not sent yet.
#[test]
fn passes_of_the_program_before_count_in_the_account() {
    let mut desk = Desk::new().with_numbers(3);
    for run in [100, 200] {
        let mut bench = PaperBench::new();
        bench.identity.identifiers[0].value = format!("90000{run}");
        work_on(&mut bench, &desk, run, usize::MAX).unwrap();
    }
    desk.journal().acknowledge(&[1]).unwrap();
    desk.journal().write(|c| c.execute_batch("DROP TABLE share; DROP TABLE run_share;")).unwrap();
    desk.reopen();
    let share = desk.share();
    assert_eq!((share.started, share.consumed, share.settled, share.free()), (2, 2, 1, 0));
    desk.journal().acknowledge(&[2]).unwrap();
    assert_eq!(desk.share().settled, 2);
    // Opened again, nothing is counted twice.
    desk.reopen();
    assert_eq!(desk.share().consumed, 2);
}
