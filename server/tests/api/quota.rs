//! Shares of a batch's quantity, and its numbers.

use crate::factory::Factory;
use domain::{
    api::{
        batches::BatchView,
        ingest::{IngestResult, IngestState, QuarantineRow},
        page::Page,
        quota::{LedgerView, ScrappedNumber},
        stations::{EnrolledStation, SerialBlock, ShareGrant, ShareStatement},
    },
    ids::{OutboxId, StationId},
    outcome::Outcome,
    procedure::parse_procedure,
    record::Envelope,
    role::Role,
    serial_number::Pattern,
    text::{Fault, FaultCode},
};
use jigline_server::clock;
use reqwest::Method;
use serde_json::{Value, json};

const BLOCKS: &str = "/api/v1/station/serial-blocks";

/// A station at the test's end of the wire, with its account of the one batch.
struct Jig<'a> {
    factory: &'a Factory,
    station: EnrolledStation,
    said: ShareStatement,
    serials: Vec<String>,
    number: u32,
}

impl<'a> Jig<'a> {
    fn first(factory: &'a Factory) -> Self {
        Self::of(factory, factory.station.clone())
    }

    async fn another(factory: &'a Factory, name: &str) -> Self {
        let body = json!({ "name": name, "slots": 1, "simulated": true });
        let admin = &factory.tokens[&Role::Admin];
        let (status, answer) = factory.ask(Method::POST, "/api/v1/stations", admin, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        Self::of(factory, serde_json::from_value(answer).unwrap())
    }

    fn of(factory: &'a Factory, station: EnrolledStation) -> Self {
        let said = ShareStatement {
            outbox_id: OutboxId(clock::new_id()),
            wanted: 8,
            started: 0,
            consumed: 0,
            released: 0,
            returned: 0,
            settled: 0,
        };
        Self { factory, station, said, serials: Vec::new(), number: 0 }
    }

    fn id(&self) -> StationId {
        self.station.station_id
    }

    async fn lease(&mut self, count: u32) -> ShareGrant {
        let body = json!({
            "batch_id": self.factory.batch.batch_id, "block_id": clock::new_id(), "count": count, "share": self.said,
        });
        let (status, answer) = self.factory.ask(Method::POST, BLOCKS, &self.station.key, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        let block: SerialBlock = serde_json::from_value(answer).unwrap();
        self.serials.retain(|serial| !block.scrapped.contains(serial));
        self.serials.extend(block.serials);
        block.share.unwrap()
    }

    async fn give_back(&self) -> ShareGrant {
        let body = json!({ "batch_id": self.factory.batch.batch_id, "share": self.said });
        let path = format!("{BLOCKS}/return");
        let (status, answer) = self.factory.ask(Method::POST, &path, &self.station.key, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    /// The next board of the factory passes here; `board` tells boards from each other.
    fn pass(&mut self, board: u32, serial: &str) -> Envelope {
        self.number += 1;
        self.said.started += 1;
        self.said.consumed += 1;
        let mut envelope = self.factory.envelope(board, Some(serial));
        envelope.station_id = self.id();
        envelope.outbox_id = self.said.outbox_id;
        envelope.number = self.number.into();
        envelope
    }

    async fn send(&mut self, envelope: &Envelope) -> IngestResult {
        let body = json!({ "envelopes": [serde_json::to_string(envelope).unwrap()] });
        let (status, answer) =
            self.factory.ask(Method::POST, "/api/v1/station/ingest", &self.station.key, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        if envelope.record.outcome == Outcome::Pass {
            self.said.settled += 1;
        }
        serde_json::from_value(answer["results"][0].clone()).unwrap()
    }
}

impl Factory {
    async fn ledger(&self) -> LedgerView {
        self.get(Role::Operator, &format!("/api/v1/batches/{}/ledger", self.batch.batch_id)).await
    }

    /// The same factory on a batch of this quantity.
    async fn with_quantity(quantity: u32) -> Self {
        let mut factory = Self::start().await;
        let body =
            json!({ "name": "B-2642", "customer": "x", "bundle": factory.bundle.hash, "quantity": quantity });
        let engineer = &factory.tokens[&Role::Engineer];
        let (status, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        let batch: BatchView = serde_json::from_value(answer).unwrap();
        factory.work.batch_id = batch.batch_id;
        factory.batch = batch;
        factory
    }

    async fn write_off(&self, jig: &Jig<'_>, reason: &str) -> (u16, Value) {
        let path = format!("/api/v1/batches/{}/write-offs", self.batch.batch_id);
        let body = json!({ "station_id": jig.id(), "outbox_id": jig.said.outbox_id, "reason": reason });
        let (status, answer) = self.ask(Method::POST, &path, &self.tokens[&Role::Admin], Some(body)).await;
        (status.as_u16(), answer)
    }

    async fn scrap(&self, role: Role, serial: &str, reason: &str) -> (u16, Value) {
        let path = format!("/api/v1/serials/{serial}/scrap");
        let body = json!({ "reason": reason });
        let (status, answer) = self.ask(Method::POST, &path, &self.tokens[&role], Some(body)).await;
        (status.as_u16(), answer)
    }

    async fn quarantine_reasons(&self) -> Vec<String> {
        let page: Page<QuarantineRow> = self.get(Role::Quality, "/api/v1/quarantine").await;
        page.items.into_iter().map(|row| row.reason).collect()
    }
}

#[tokio::test]
async fn a_stations_share_is_filled_up_spent_by_passes_and_given_back() {
    let factory = Factory::start().await;
    let mut jig = Jig::first(&factory);
    assert_eq!(jig.lease(16).await.granted, 8);
    // The answer was lost: asked again it is no more.
    assert_eq!(jig.lease(1).await.granted, 8);
    let serials = jig.serials.clone();
    for board in [1, 2, 3] {
        let envelope = jig.pass(board, &serials[board as usize]);
        assert_eq!(jig.send(&envelope).await.state, IngestState::Stored);
        // Sent twice it counts once.
        assert_eq!(jig.send(&envelope).await.state, IngestState::Duplicate);
        jig.said.settled -= 1;
    }
    let ledger = factory.ledger().await;
    assert_eq!((ledger.quantity, ledger.passed, ledger.outstanding, ledger.room), (24, 3, 5, 16));
    let grant = jig.lease(1).await;
    assert_eq!((grant.granted, grant.settled), (11, 3));
    jig.said.returned = 8;
    assert_eq!(jig.give_back().await, ShareGrant { returned: 8, ..grant });
    // An older statement that comes late takes nothing back.
    jig.said.returned = 0;
    jig.give_back().await;
    let ledger = factory.ledger().await;
    assert_eq!((ledger.passed, ledger.outstanding, ledger.room), (3, 0, 21));
    let row = &ledger.shares[0];
    assert_eq!((row.granted, row.returned, row.passed, row.set_aside), (11, 8, 3, 0));
    assert_eq!((ledger.numbers.bound, ledger.numbers.lent), (3, serials.len() as u64 + 1));
}

#[tokio::test]
async fn a_batch_is_never_promised_twice_over() {
    let factory = Factory::with_quantity(10).await;
    let (mut first, mut second) = (Jig::first(&factory), Jig::another(&factory, "jig-2").await);
    assert_eq!((first.lease(16).await.granted, second.lease(16).await.granted), (8, 2));
    assert_eq!(second.lease(16).await.granted, 2, "the rest is the first station's");
    // An old station, which states nothing, gets no number while all is promised.
    let body = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 4 });
    let (status, answer) = factory.ask(Method::POST, BLOCKS, &second.station.key, Some(body)).await;
    assert_eq!((status.as_u16(), answer["code"].as_str()), (409, Some("quota_spent")));
    first.said.returned = 5;
    first.give_back().await;
    assert_eq!(second.lease(16).await.granted, 7);
}

#[tokio::test]
async fn stations_that_are_given_one_batch_get_equal_parts_of_it() {
    let factory = Factory::with_quantity(60).await;
    let (mut first, mut second) = (Jig::first(&factory), Jig::another(&factory, "jig-2").await);
    // One works it in all its slots, the other in one of them.
    for (jig, slots) in [(&first, vec![]), (&second, vec![1])] {
        let path = format!("/api/v1/stations/{}/assignment", jig.id());
        let body = json!({ "batch_id": factory.batch.batch_id, "slots": slots });
        factory.ask(Method::PUT, &path, &factory.tokens[&Role::Engineer], Some(body)).await;
    }
    (first.said.wanted, second.said.wanted) = (200, 200);
    assert_eq!((first.lease(200).await.granted, first.lease(200).await.granted), (30, 30));
    assert_eq!(second.lease(200).await.granted, 30);
    assert_eq!(first.serials.len(), 76, "two for each board and some more, however often it asks");
}

#[tokio::test]
async fn a_pass_without_a_share_counts_only_where_nobody_was_promised_the_unit() {
    let factory = Factory::with_quantity(3).await;
    let mut old = Jig::another(&factory, "old-jig").await;
    let numbers = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 8 });
    let (_, answer) = factory.ask(Method::POST, BLOCKS, &old.station.key, Some(numbers)).await;
    assert!(answer.get("share").is_none(), "an old station is answered as before: {answer}");
    let serials = serde_json::from_value::<SerialBlock>(answer).unwrap().serials;
    let first = old.pass(1, &serials[0]);
    assert_eq!(old.send(&first).await.state, IngestState::Stored);
    let mut new = Jig::first(&factory);
    assert_eq!(new.lease(8).await.granted, 2);
    // The two that are left are promised: the old station's is one too many.
    let second = old.pass(2, &serials[1]);
    let held = old.send(&second).await;
    assert_eq!(held.state, IngestState::Quarantined);
    assert!(held.reason.as_ref().unwrap().starts_with("quota_exceeded: all 3 units"), "{held:?}");
    assert_eq!(old.send(&second).await, held, "asked again the answer is the same");
    let serials = new.serials.clone();
    for board in [3, 4] {
        let envelope = new.pass(board, &serials[board as usize]);
        assert_eq!(new.send(&envelope).await.state, IngestState::Stored);
    }
    let beyond = new.pass(5, &serials[5]);
    assert_eq!(new.send(&beyond).await.state, IngestState::Quarantined);
    // A failure is always taken.
    let mut failed = new.pass(6, &serials[6]);
    failed.record.outcome = Outcome::Fail;
    failed.record.fault = Some(Fault::new(FaultCode::BoardSilent));
    assert_eq!(new.send(&failed).await.state, IngestState::Stored);
    let ledger = factory.ledger().await;
    assert_eq!((ledger.passed, ledger.outstanding, ledger.room), (3, 0, 0));
}

#[tokio::test]
async fn a_board_that_passes_again_elsewhere_is_one_unit_and_frees_the_share() {
    let factory = Factory::with_quantity(2).await;
    let (mut first, mut second) = (Jig::first(&factory), Jig::another(&factory, "jig-2").await);
    (first.said.wanted, second.said.wanted) = (1, 1);
    assert_eq!((first.lease(1).await.granted, second.lease(1).await.granted), (1, 1));
    let serial = first.serials[0].clone();
    let passed = first.pass(1, &serial);
    assert_eq!(first.send(&passed).await.state, IngestState::Stored);
    // Off line the second station did not know of it.
    let mut again = second.pass(1, &serial);
    again.record.run_id = clock::new_id().into();
    let held = second.send(&again).await;
    assert_eq!(held.state, IngestState::Quarantined, "somebody looks at it");
    assert!(held.reason.unwrap().starts_with("the unit has another pass in this operation"));
    let ledger = factory.ledger().await;
    assert_eq!((ledger.passed, ledger.outstanding, ledger.room), (1, 0, 1));
}

#[tokio::test]
async fn a_lost_stations_share_comes_back_by_a_write_off_and_its_later_pass_is_quarantined() {
    let factory = Factory::with_quantity(4).await;
    let (mut lost, mut other) = (Jig::first(&factory), Jig::another(&factory, "jig-2").await);
    assert_eq!((lost.lease(8).await.granted, other.lease(8).await.granted), (4, 0));
    let serials = lost.serials.clone();
    let before = lost.pass(1, &serials[0]);
    assert_eq!(lost.send(&before).await.state, IngestState::Stored);
    let path = format!("/api/v1/batches/{}/write-offs", factory.batch.batch_id);
    let form = json!({ "station_id": lost.id(), "outbox_id": lost.said.outbox_id, "reason": "stolen" });
    for role in [Role::Operator, Role::Engineer, Role::Quality, Role::Sales] {
        assert_eq!(factory.refused(role, Method::POST, &path, Some(form.clone())).await.0, 403);
    }
    assert_eq!(factory.write_off(&lost, "  ").await.0, 422);
    let (status, answer) = factory.write_off(&lost, "the station burnt down").await;
    assert_eq!(status, 200, "{answer}");
    let ledger: LedgerView = serde_json::from_value(answer).unwrap();
    assert_eq!((ledger.passed, ledger.outstanding, ledger.room), (1, 0, 3));
    assert_eq!((ledger.write_offs.len(), ledger.write_offs[0].shares), (1, 3));
    assert_eq!(factory.write_off(&lost, "again").await.0, 409);
    assert_eq!(other.lease(8).await.granted, 3);

    let late = lost.pass(2, &serials[1]);
    let held = lost.send(&late).await;
    assert_eq!(held.state, IngestState::Quarantined);
    assert!(held.reason.unwrap().starts_with("share_written_off: "));
    let grant = lost.lease(8).await;
    assert_eq!((grant.granted, grant.written_off), (4, true));
    assert_eq!(factory.ledger().await.outstanding, 3);
    let refused = sqlx::query("delete from share_write_off").execute(&factory.server.database.pool).await;
    assert!(refused.is_err(), "what was decided stays");
    let audited: i64 = sqlx::query_scalar("select count(*) from audit where action = 'share.write_off'")
        .fetch_one(&factory.server.database.pool)
        .await
        .unwrap();
    assert_eq!(audited, 1);
}

#[tokio::test]
async fn a_number_of_another_station_makes_no_pass_before_that_station_told_of_the_board() {
    let factory = Factory::start().await;
    let (mut owner, mut other) = (Jig::first(&factory), Jig::another(&factory, "jig-2").await);
    owner.lease(8).await;
    other.lease(8).await;
    let serial = owner.serials[0].clone();
    let stolen = other.pass(1, &serial);
    let result = other.send(&stolen).await;
    assert_eq!(result.state, IngestState::Quarantined);
    assert!(result.reason.unwrap().contains("was lent to another station"));
    // Its own station tells of a run of the board that failed: from then on the number is the board's, at any jig.
    let mut failed = owner.pass(2, &owner.serials[1].clone());
    failed.record.outcome = Outcome::Fail;
    failed.record.fault = Some(Fault::new(FaultCode::BoardSilent));
    assert_eq!(owner.send(&failed).await.state, IngestState::Stored);
    let mut moved = other.pass(2, failed.record.serial.as_ref().unwrap());
    moved.record.run_id = clock::new_id().into();
    assert_eq!(other.send(&moved).await.state, IngestState::Stored);
}

#[tokio::test]
async fn a_scrapped_number_is_taken_from_the_drawer_and_makes_no_pass() {
    let factory = Factory::start().await;
    let mut jig = Jig::first(&factory);
    jig.lease(8).await;
    let serials = jig.serials.clone();
    let passed = jig.pass(1, &serials[0]);
    jig.send(&passed).await;
    for role in [Role::Operator, Role::Engineer, Role::Sales] {
        assert_eq!(factory.scrap(role, &serials[1], "torn label").await.0, 403);
    }
    for (reason, status) in
        [("", 422), ("torn\0label", 422), (&"撕".repeat(1001), 422), (&"撕".repeat(1000), 200)]
    {
        let scrapped = factory.scrap(Role::Quality, &serials[2], reason).await;
        assert_eq!(scrapped.0, status, "{} characters: {}", reason.chars().count(), scrapped.1);
    }
    assert_eq!(factory.scrap(Role::Quality, "TB999", "never lent").await.0, 404);
    let (status, answer) = factory.scrap(Role::Quality, &serials[0], "its unit passed").await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("passed")));
    let (status, answer) = factory.scrap(Role::Quality, &serials[1], "torn label").await;
    assert_eq!(status, 200, "{answer}");
    let scrapped: ScrappedNumber = serde_json::from_value(answer).unwrap();
    assert_eq!(
        (scrapped.serial.as_str(), scrapped.unit_id, scrapped.by.as_str()),
        (serials[1].as_str(), None, "quality")
    );
    assert_eq!(factory.scrap(Role::Admin, &serials[1], "twice").await.0, 409);
    assert_eq!(factory.ledger().await.scrapped.len(), 2);
    let late = jig.pass(2, &serials[1]);
    let result = jig.send(&late).await;
    assert_eq!(result.state, IngestState::Quarantined);
    assert!(result.reason.unwrap().contains("was scrapped"));
    jig.lease(1).await;
    assert!(!jig.serials.contains(&serials[1]), "the station is told");
    assert_eq!(factory.quarantine_reasons().await.len(), 1);
}

#[tokio::test]
async fn a_statement_that_no_station_can_mean_is_refused() {
    let factory = Factory::start().await;
    let mut jig = Jig::first(&factory);
    let ask = async |jig: &Jig<'_>| -> u16 {
        let body = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 1, "share": jig.said });
        factory.ask(Method::POST, BLOCKS, &jig.station.key, Some(body)).await.0.as_u16()
    };
    jig.said.consumed = 1;
    assert_eq!(ask(&jig).await, 422, "more ended than began");
    (jig.said.started, jig.said.returned) = (1, u64::MAX);
    assert_eq!(ask(&jig).await, 422);
    (jig.said.returned, jig.said.wanted) = (0, 1001);
    assert_eq!(ask(&jig).await, 422);
    let unknown = json!({ "batch_id": clock::new_id(), "share": ShareStatement { wanted: 0, ..jig.said } });
    let path = format!("{BLOCKS}/return");
    assert_eq!(factory.ask(Method::POST, &path, &jig.station.key, Some(unknown)).await.0, 404);
}

/// Two stations at once, the last shares of a batch: their passes and questions wait for each other where they must.
#[tokio::test]
async fn stations_that_ask_and_pass_at_the_same_moment_never_exceed_the_quantity() {
    let factory = Factory::with_quantity(12).await;
    let mut jigs = Vec::new();
    for name in ["a", "b", "c"] {
        let mut jig = Jig::another(&factory, name).await;
        jig.said.wanted = 3;
        jigs.push(jig);
    }
    for round in 0..6_u32 {
        let work = jigs.iter_mut().enumerate().map(|(at, jig)| async move {
            let grant = jig.lease(6).await;
            // Some have a share for it and some have not.
            for place in 0..3 {
                let board = 1000 + 20 * (round * 9 + at as u32 * 3 + place);
                let serial = if jig.serials.is_empty() { continue } else { jig.serials.remove(0) };
                let envelope = jig.pass(board, &serial);
                jig.send(&envelope).await;
            }
            grant
        });
        futures_util::future::join_all(work).await;
        let ledger = factory.ledger().await;
        assert!(ledger.passed + ledger.outstanding <= 12, "{ledger:?}");
    }
    let ledger = factory.ledger().await;
    assert_eq!((ledger.passed, ledger.outstanding, ledger.room), (12, 0, 0), "{ledger:?}");
}

#[tokio::test]
async fn a_customers_list_is_taken_whole_and_lent_in_its_order() {
    let factory = Factory::with_quantity(5).await;
    let path = format!("/api/v1/batches/{}/numbers", factory.batch.batch_id);
    let import = async |text: &str| -> (u16, Value) {
        let token = &factory.tokens[&Role::Engineer];
        let body = json!({ "text": text });
        let (status, answer) = factory.ask(Method::PUT, &path, token, Some(body)).await;
        (status.as_u16(), answer)
    };
    let body = json!({ "text": "A" });
    assert_eq!(factory.refused(Role::Operator, Method::PUT, &path, Some(body)).await.0, 403);
    let (status, answer) = import("C-9\nC-8\nC-7\n").await;
    assert_eq!(status, 422, "fewer than units: {answer}");
    let (status, answer) = import("C-9\nC 8\nC-9\nC-6\nC-5\nC-4\nC-3\n").await;
    assert_eq!((status, answer["faults"].as_array().unwrap().len()), (422, 2), "{answer}");
    assert_eq!(answer["faults"][1]["field"], "line 3");
    let list = "serial,model\nC-9,a\nC-8,a\nC-7,a\nC-6,a\nC-5,a\nC-1,a\n";
    let (status, answer) = import(list).await;
    assert_eq!((status, answer["listed"].as_u64()), (200, Some(6)), "{answer}");
    assert_eq!(import(list).await.0, 409);

    let (mut first, mut second) = (Jig::first(&factory), Jig::another(&factory, "jig-2").await);
    (first.said.wanted, second.said.wanted) = (3, 3);
    first.lease(200).await;
    second.lease(200).await;
    assert_eq!(first.serials, ["C-9", "C-8", "C-7"], "one a share: a list has no numbers to waste");
    assert_eq!(second.serials, ["C-6", "C-5"]);
    // A board that failed keeps its number; scrapped it makes place for the one to spare.
    factory.scrap(Role::Quality, "C-8", "board broken").await;
    first.lease(200).await;
    assert_eq!(first.serials, ["C-9", "C-7", "C-1"]);
    let passed = first.pass(1, "C-1");
    assert_eq!(first.send(&passed).await.state, IngestState::Stored);
}

#[tokio::test]
async fn a_number_that_is_in_the_world_already_is_on_no_list() {
    let factory = Factory::start().await;
    let mut jig = Jig::first(&factory);
    jig.lease(2).await;
    let body = json!({ "name": "B-2", "customer": "x", "bundle": factory.bundle.hash, "quantity": 1 });
    let engineer = &factory.tokens[&Role::Engineer];
    let (_, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    let batch: BatchView = serde_json::from_value(answer).unwrap();
    let path = format!("/api/v1/batches/{}/numbers", batch.batch_id);
    let text = format!("NEW-1\n{}\nNEW-2\n", jig.serials[0]);
    let (status, answer) = factory.ask(Method::PUT, &path, engineer, Some(json!({ "text": text }))).await;
    assert_eq!((status.as_u16(), answer["faults"][0]["field"].as_str()), (422, Some("line 2")), "{answer}");
    let (status, _) = factory.ask(Method::PUT, &path, engineer, Some(json!({ "text": "NEW-1\n" }))).await;
    assert_eq!(status, 200, "the faulty list left nothing behind");
    // The first batch has numbers lent already.
    let path = format!("/api/v1/batches/{}/numbers", factory.batch.batch_id);
    let (status, answer) = factory.ask(Method::PUT, &path, engineer, Some(json!({ "text": "N" }))).await;
    assert_eq!((status.as_u16(), answer["code"].as_str()), (409, Some("numbers_lent")));
}

/// The numbers of a block skip those of a customer's list; asked for again it is told in the order of the first answer.
#[tokio::test]
async fn a_block_that_skips_a_customers_numbers_keeps_its_order() {
    let factory = Factory::start().await;
    let mut jig = Jig::first(&factory);
    jig.lease(1).await;
    let procedure =
        parse_procedure("procedure", include_str!("../../../profiles/procedures/topbms-birth.toml"));
    let pattern = Pattern::parse(&procedure.unwrap().number.pattern).unwrap();
    let day = clock::now().date_naive();
    let first = (0..100_000).find(|first| pattern.number(*first, day).unwrap() == jig.serials[0]).unwrap();
    let number = |ahead| pattern.number(first + ahead, day).unwrap();
    let list: Vec<String> = [3, 4, 6].map(number).into();
    let body = json!({ "name": "B-2643", "customer": "y", "bundle": factory.bundle.hash, "quantity": 1 });
    let engineer = &factory.tokens[&Role::Engineer];
    let (_, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    let customers = serde_json::from_value::<BatchView>(answer).unwrap().batch_id;
    let path = format!("/api/v1/batches/{customers}/numbers");
    let body = json!({ "text": list.join("\n") });
    let (status, answer) = factory.ask(Method::PUT, &path, engineer, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    let ask = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 8, "share": jig.said });
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (status, answer) = factory.ask(Method::POST, BLOCKS, &jig.station.key, Some(ask.clone())).await;
        assert_eq!(status, 200, "{answer}");
        answers.push(serde_json::from_value::<SerialBlock>(answer).unwrap().serials);
    }
    let expected = [1, 2, 5, 7, 8, 9, 10, 11].map(number);
    assert_eq!(answers, [&expected, &expected]);
}
