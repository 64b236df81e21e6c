//! The picture, and the page's routes against a door that nobody stands behind.

use super::{Access, Looker, PageOrder, Setup, serve, view::Picture};
use crate::{
    answer_door::{AnswerDoor, Doorway},
    floor_door::{FloorAsk, FloorDone, FloorDoor, FloorQuestion, FloorShown},
    ports::{PortCommand, PortDoor},
    progress::Progress,
    runner::tests_support::PaperBench,
    shared::SlotInput,
    wire::Recorder,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{
        bench::{BenchOnJig, NestOnJig},
        operator::{FloorRefusal, OperatorView, ScanReply},
        setup::{PortStanding, PortsView, SetupView, SlotPort},
    },
    doctor::{Finding, FindingCode},
    floor::{JigPerson, ShiftBatch, ShiftFail, ShiftFigures, SignInWay},
    ids::{BatchId, RunId, StationId},
    live::{SlotLive, SlotState, StationLive},
    model::Bilingual,
    outcome::Outcome,
    prompt::{Answer, AnswerSource, Asks, OpenPrompt, Prompt},
    step::Step,
};
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use uuid::Uuid;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn working() -> SlotState {
    SlotState::Working {
        run_id: RunId(Uuid::from_u128(7)),
        step: Step::Prompt,
        percent: 40,
        step_percent: None,
        board: None,
        asks: None,
        started_at: at(0),
    }
}

fn live(minute: i64, states: &[SlotState]) -> Progress {
    let slot =
        |(number, state): (u16, &SlotState)| SlotLive { slot: number, batch_id: None, state: state.clone() };
    Progress::Live {
        live: Box::new(StationLive {
            station_id: StationId(Uuid::from_u128(1)),
            station_name: "jig-1".to_owned(),
            batch_id: None,
            at: at(minute),
            unsent_records: 2,
            journal: None,
            slots: (1..).zip(states).map(slot).collect(),
        }),
    }
}

fn closed(minute: i64, batch_id: BatchId, outcome: Outcome) -> Progress {
    Progress::RunClosed {
        number: 1,
        run_id: RunId(Uuid::from_u128(8)),
        slot: 1,
        outcome,
        fault: None,
        serial: Some(format!("TB{minute}")),
        reference: None,
        batch_id,
        at: at(minute),
        duration_ms: 1,
        wire_floor_ms: 1,
    }
}

fn question() -> OpenPrompt {
    OpenPrompt {
        id: "7-1".to_owned(),
        prompt: Prompt {
            name: "cable".to_owned(),
            question: Bilingual { en: "In?".to_owned(), zh: "好？".to_owned() },
            asks: Asks::Confirm,
            picture: None,
        },
        tries_left: 0,
    }
}

#[test]
fn the_picture_shows_what_the_shift_made_of_a_batch_and_how_fast() {
    let order = PaperBench::new().order;
    let mut picture = Picture::default();
    assert_eq!(picture.view(), None, "the station has said nothing");
    picture.hear(live(0, &[SlotState::Empty]));
    picture.ordered(1, Some(Arc::clone(&order)));
    for minute in 0..100 {
        picture.hear(closed(minute, order.batch_id, Outcome::Pass));
    }
    assert!(!picture.hear(closed(100, order.batch_id, Outcome::Fail)), "what failed is the book's to say");
    let fail = ShiftFail {
        run_id: RunId(Uuid::from_u128(8)),
        slot: 1,
        board: Some("TB11".to_owned()),
        outcome: Outcome::Fail,
        step: None,
        fault: None,
        at: at(100),
    };
    let batch =
        ShiftBatch { batch_id: order.batch_id, name: String::new(), passed: 100, failed: 12, other: 1 };
    let figures = ShiftFigures { batches: vec![batch], fails: vec![fail], ..ShiftFigures::default() };
    picture.floor(FloorShown { figures, ..FloorShown::default() });
    let view = picture.view().unwrap();
    let batch = &view.batches[0];
    assert_eq!((batch.passed, batch.failed, view.pace), (100, 12, None), "too soon to say how fast");
    assert_eq!((batch.name.as_str(), batch.quantity), (order.batch_name.as_str(), order.quantity));
    assert_eq!(view.fails[0].board.as_deref(), Some("TB11"));
    picture.hear(live(99, &[SlotState::Empty]));
    assert_eq!(picture.view().unwrap().pace.map(|pace| pace.made), Some(60));
}

#[test]
fn a_question_is_shown_while_its_board_is_at_work_and_no_longer() {
    let mut picture = Picture::default();
    picture.hear(live(0, &[working()]));
    picture.asked(1, Some(question()));
    assert_eq!(picture.view().unwrap().slots[0].asks, Some(question()));
    picture.hear(live(1, &[SlotState::Empty]));
    assert_eq!(picture.view().unwrap().slots[0].asks, None);
    picture.hear(Progress::Server { away: true });
    assert!(picture.view().unwrap().server_away);
}

#[test]
fn a_bench_is_shown_when_it_is_told_and_no_news_twice() {
    let mut picture = Picture::default();
    picture.hear(live(0, &[SlotState::Empty]));
    assert_eq!(picture.view().unwrap().bench, None);
    let bench = |contacts| BenchOnJig {
        serial: "FX-1".into(),
        nests: vec![NestOnJig { slot: 1, nest: "N-1".into(), contacts, limit: 50_000 }],
        instruments: Vec::new(),
    };
    let told = |contacts| Progress::Bench { bench: Box::new(bench(contacts)) };
    assert!(picture.hear(told(1)) && !picture.hear(told(1)) && picture.hear(told(2)));
    assert_eq!(picture.view().unwrap().bench, Some(bench(2)));
}

/// A page on some port, with what keeps it alive and what comes through its door.
struct Stand {
    address: String,
    said: mpsc::UnboundedSender<Progress>,
    inputs: mpsc::UnboundedReceiver<SlotInput>,
    asked: watch::Sender<Option<OpenPrompt>>,
    _order: watch::Sender<Option<crate::shared::OrderState>>,
    asked_of_ports: mpsc::UnboundedReceiver<PortCommand>,
    ports: watch::Sender<PortsView>,
    looks: Arc<AtomicU32>,
    floor: watch::Sender<FloorShown>,
    asks: mpsc::UnboundedReceiver<FloorQuestion>,
}

fn named(slot: u16) -> SlotPort {
    let device = format!("/dev/serial/by-path/{slot}");
    SlotPort { slot, device, standing: PortStanding::Named, doubt: None }
}

impl Stand {
    /// The station's side of the floor: what is asked, once, and answered so.
    async fn floor(&mut self, answer: Result<FloorDone, FloorRefusal>) -> FloorAsk {
        let question = timeout(Duration::from_secs(10), self.asks.recv()).await.unwrap().unwrap();
        question.answer.send(answer).unwrap();
        question.ask
    }
}

fn stand(token: Option<&str>) -> Stand {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (to_slot, inputs) = mpsc::unbounded_channel();
    let (asked, order) = (watch::Sender::new(None), watch::Sender::new(None));
    let (seen, recorder) = (watch::Sender::new(None), Recorder::default());
    let doorway = Doorway {
        inputs: to_slot,
        asked: asked.subscribe(),
        order: order.subscribe(),
        seen: seen.subscribe(),
        recorder,
    };
    let (said, progress) = mpsc::unbounded_channel();
    let door = AnswerDoor::new([(1, doorway)].into(), mpsc::unbounded_channel().0);
    let access = Access::of(address, token).unwrap();
    let (commands, asked_of_ports) = mpsc::unbounded_channel();
    let ports = watch::Sender::new(PortsView { slots: vec![named(1)], ..PortsView::default() });
    let looks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&looks);
    let look: Looker = Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { (at(3), vec![Finding::new(FindingCode::SleepOff)]) })
    });
    let ports_door = PortDoor { commands, shown: ports.subscribe() };
    let setup = Setup { station_name: "jig-1".to_owned(), ports: ports_door, look };
    let (asks_in, asks) = mpsc::unbounded_channel();
    let floor = watch::Sender::default();
    let floor_door = FloorDoor::new(asks_in, floor.subscribe());
    serve(PageOrder { listener, access, door, floor: floor_door, setup, progress }).unwrap();
    let address = format!("http://{address}");
    Stand { address, said, inputs, asked, _order: order, asked_of_ports, ports, looks, floor, asks }
}

#[tokio::test]
async fn the_page_shows_what_a_slot_asks_and_takes_the_answer() {
    let mut stand = stand(None);
    stand.said.send(live(0, &[working()])).unwrap();
    stand.asked.send_replace(Some(question()));
    let client = reqwest::Client::new();
    let mut events = client.get(format!("{}/api/v1/operator/events", stand.address)).send().await.unwrap();
    let mut heard = String::new();
    let asks = async {
        while !heard.contains("\"7-1\"") {
            heard += std::str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap();
        }
    };
    timeout(Duration::from_secs(10), asks).await.expect("the question never came");
    assert!(heard.starts_with("event: view\ndata: {"), "{heard}");
    let now = client.get(format!("{}/api/v1/operator", stand.address)).send().await.unwrap();
    let now: OperatorView = now.json().await.unwrap();
    assert_eq!((now.station_name.as_str(), now.slots[0].asks.as_ref()), ("jig-1", Some(&question())));

    let address = stand.address.clone();
    let post = |path: &str, body: &'static str| {
        let request = client.post(format!("{address}/api/v1/operator/{path}"));
        request.header("content-type", "application/json").body(body).send()
    };
    assert_eq!(post("slots/1/answer", r#"{"id":"7-1","answer":true}"#).await.unwrap().status(), 204);
    let Some(SlotInput::Answer(given)) = stand.inputs.recv().await else { panic!("no answer came in") };
    assert_eq!(
        (given.id.as_str(), given.answer, given.source),
        ("7-1", Answer::Confirm(true), AnswerSource::Page)
    );
    // That one wants yes or no: a scan is the label of the only slot's board, once it is no work order.
    let (scanned, asked) =
        tokio::join!(post("scan", r#"{"code":" LB-1 "}"#), stand.floor(Ok(FloorDone::NoOrder)));
    assert_eq!(asked, FloorAsk::Order { code: "LB-1".to_owned(), slot: None });
    assert_eq!(scanned.unwrap().json::<ScanReply>().await.unwrap(), ScanReply::Announces { slot: 1 });
    let Some(SlotInput::Scan(label)) = stand.inputs.recv().await else { panic!("no scan came in") };
    assert_eq!(label.text, "LB-1");
    let reply = post("scan", r#"{"code":"SLOT-9"}"#).await.unwrap();
    assert_eq!(reply.json::<ScanReply>().await.unwrap(), ScanReply::NoSlot);
    let refused = post("slots/9/answer", r#"{"id":"7-1","answer":true}"#).await.unwrap();
    assert_eq!(refused.status(), 404);
    assert!(refused.text().await.unwrap().contains("\"no_slot\""));
    assert_eq!(post("slots/1/answer", r#"{"id":7}"#).await.unwrap().status(), 422);

    drop(stand.said);
    let ends = async { while events.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    timeout(Duration::from_secs(10), ends).await.expect("the page ends with its station");
}

#[tokio::test]
async fn a_browser_brings_the_token_once_and_strangers_get_a_sentence() {
    let stand = stand(Some("0123456789abcdef"));
    stand.said.send(live(0, &[SlotState::Empty])).unwrap();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = |path: &str| client.get(format!("{}{path}", stand.address));
    let refused = get("/api/v1/operator").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.text().await.unwrap().contains("/?token=TOKEN"));
    let taken = get("/?token=0123456789abcdef").send().await.unwrap();
    assert_eq!((taken.status().as_u16(), taken.headers()["location"].to_str().unwrap()), (303, "/"));
    let cookie = taken.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let shown = get("/api/v1/operator").header("cookie", cookie).send().await.unwrap();
    assert_eq!(shown.status(), 200);
    assert!(shown.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn the_set_up_page_shows_findings_and_ports_and_hands_a_proof_on() {
    let mut stand = stand(None);
    let client = reqwest::Client::new();
    let address = format!("{}/api/v1/operator/setup", stand.address);
    let view = async |query: &str| -> SetupView {
        client.get(format!("{address}{query}")).send().await.unwrap().json().await.unwrap()
    };
    let first = view("").await;
    assert_eq!((first.station_name.as_str(), first.looked_at), ("jig-1", at(3)));
    assert_eq!((&*first.findings[0].code, first.ports.slots[0].slot), ("sleep_off", 1));
    stand.ports.send_modify(|ports| ports.slots[0].standing = PortStanding::Proved);
    assert_eq!(view("").await.ports.slots[0].standing, PortStanding::Proved, "ports are as they are now");
    assert_eq!(stand.looks.load(Ordering::SeqCst), 1, "the whole journal is not read for every view");
    view("?fresh=true").await;
    assert_eq!(stand.looks.load(Ordering::SeqCst), 2);

    let post = |path: &str, body: &'static str| {
        let request = client.post(format!("{address}/{path}"));
        request.header("content-type", "application/json").body(body).send()
    };
    assert_eq!(post("proof", r#"{"slot":1}"#).await.unwrap().status(), 204);
    assert_eq!(post("proof", r#"{"slot":null}"#).await.unwrap().status(), 204);
    assert_eq!(post("bind", r#"{"slot":1,"device":"COM7"}"#).await.unwrap().status(), 204);
    assert_eq!(post("proof", r#"{"slot":9}"#).await.unwrap().status(), 404);
    assert_eq!(post("bind", r#"{"slot":9,"device":"COM7"}"#).await.unwrap().status(), 404);
    assert_eq!(post("proof", "no").await.unwrap().status(), 400);
    let mut asked = Vec::new();
    while let Ok(command) = stand.asked_of_ports.try_recv() {
        asked.push(command);
    }
    let bind = PortCommand::Bind { slot: 1, device: "COM7".to_owned() };
    assert_eq!(asked, [PortCommand::Prove(Some(1)), PortCommand::Prove(None), bind]);
}

#[tokio::test]
async fn a_badge_signs_in_wherever_it_is_scanned_and_stays_in_the_station() {
    use argon2::{Argon2, PasswordHasher as _};
    let mut stand = stand(None);
    stand.said.send(live(0, &[working()])).unwrap();
    let badge = Argon2::default().hash_password_with_salt(b"0012345678", b"one salt for all").unwrap();
    let lin = JigPerson {
        username: "lin".to_owned(),
        name: "Lin Mei".to_owned(),
        role: domain::role::Role::Operator,
        lead: true,
        number: Some("1042".to_owned()),
        language: None,
        badge: Some(badge.to_string()),
        pin: Some(Argon2::default().hash_password(b"482913").unwrap().to_string()),
    };
    stand.floor.send_replace(FloorShown { people: vec![lin], ..FloorShown::default() });
    let client = reqwest::Client::new();
    let address = stand.address.clone();
    let post = |path: &str, body: &'static str| {
        let request = client.post(format!("{address}/api/v1/operator/{path}"));
        request.header("content-type", "application/json").body(body).send()
    };
    let signed = || Ok(FloorDone::Scanned(ScanReply::SignedIn { name: "Lin Mei".to_owned() }));
    let sign_in = |way| FloorAsk::SignIn { username: "lin".to_owned(), way };
    let (reply, asked) = tokio::join!(post("scan", r#"{"code":"0012345678"}"#), stand.floor(signed()));
    assert_eq!(asked, sign_in(SignInWay::Badge));
    assert!(!reply.unwrap().text().await.unwrap().contains("0012345678"));
    let pin = r#"{"number":"1042","pin":"482913"}"#;
    let (reply, asked) = tokio::join!(post("sign-in", pin), stand.floor(signed()));
    assert_eq!((reply.unwrap().status().as_u16(), asked), (200, sign_in(SignInWay::Pin)));
    let vouch = r#"{"badge":"0012345678","vouch_for":"chen"}"#;
    let (reply, asked) = tokio::join!(post("sign-in", vouch), stand.floor(Err(FloorRefusal::NoSuchPerson)));
    let way = SignInWay::Vouch { lead: "lin".to_owned() };
    assert_eq!(asked, FloorAsk::SignIn { username: "chen".to_owned(), way });
    let refused = reply.unwrap();
    assert_eq!(refused.status(), 409);
    assert!(refused.text().await.unwrap().contains("\"no_such_person\""));
    for _ in 0..5 {
        let wrong = post("sign-in", r#"{"number":"1042","pin":"000000"}"#).await.unwrap();
        assert!(wrong.text().await.unwrap().contains("\"wrong_credential\""));
    }
    let told_to_wait = post("sign-in", pin).await.unwrap().text().await.unwrap();
    assert!(told_to_wait.contains("\"too_many_tries\""), "{told_to_wait}");
    let people =
        client.get(format!("{address}/api/v1/operator/people")).send().await.unwrap().text().await.unwrap();
    assert!(people.contains("Lin Mei") && !people.contains("argon2"), "{people}");
}
