//! Who works at the jig, what waits for a person, and that all of it outlives the program.

use super::*;
use crate::floor_door::{FloorAsk, FloorDone, FloorDoor};
use domain::{
    api::operator::{FloorRefusal, ScanReply},
    floor::{FloorAct, JigPerson, SignInWay},
    ids::RunId,
    role::Role,
};

fn person(username: &str, lead: bool) -> JigPerson {
    JigPerson {
        username: username.to_owned(),
        name: username.to_uppercase(),
        role: Role::Operator,
        lead,
        number: None,
        language: None,
        badge: Some("$argon2id$".to_owned()),
        pin: None,
    }
}

async fn ask(door: &FloorDoor, ask: FloorAsk) -> Result<FloorDone, FloorRefusal> {
    timeout(Duration::from_secs(60), door.ask(ask)).await.expect("no answer").expect("the agent is there")
}

fn sign_in(username: &str) -> FloorAsk {
    FloorAsk::SignIn { username: username.to_owned(), way: SignInWay::Badge }
}

fn shut_by(code: FaultCode) -> impl Fn(&StationLive) -> bool {
    move |live| {
        live.slots.iter().all(|slot| matches!(&slot.state, SlotState::Broken { fault } if fault.code == code))
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_signed_in_begins_nothing_and_whoever_signs_in_stands_in_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let (server, (ports, _far)) = (server(), silent_lines());
    server.people.replace(vec![person("lin", false), person("wei", true)]);
    let opened = open(folder.path(), Rc::clone(&server), ports, &[1]);
    let door = opened.0.floor();
    run_beside(opened, async |hall| {
        hall.live_until(shut_by(FaultCode::NobodySignedIn)).await;
        hall.presence(1, true).await;
        sleep(Duration::from_secs(30)).await;
        assert_eq!(records(&server).len(), 0);
        let signed = ask(&door, sign_in("lin")).await;
        assert_eq!(signed, Ok(FloorDone::Scanned(ScanReply::SignedIn { name: "LIN".into() })));
        hall.lamp(1, Lamp::Busy).await;
        // Whoever takes over has not begun this board; it finishes.
        ask(&door, sign_in("wei")).await.unwrap();
        ask(&door, FloorAsk::SignOut).await.unwrap();
        hall.lamp(1, Lamp::Fail).await;
        hall.presence(1, false).await;
        hall.live_until(shut_by(FaultCode::NobodySignedIn)).await;
        hall.stop();
    })
    .await;
    let operators: Vec<String> =
        records(&server).into_iter().map(|envelope| envelope.record.operator).collect();
    assert_eq!(operators, ["lin"]);
    let done: Vec<_> = server.floor_events.borrow().iter().map(|event| event.act.clone()).collect();
    assert!(
        matches!(
            done.as_slice(),
            [
                FloorAct::ShiftBegun { .. },
                FloorAct::SignedIn { .. },
                FloorAct::SignedOut { .. },
                FloorAct::SignedIn { .. },
                FloorAct::SignedOut { .. }
            ]
        ),
        "{done:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn first_boards_wait_for_a_judgement_through_a_restart_and_the_server_hears_of_it_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    server.people.replace(vec![person("lin", false), person("wei", true)]);
    server.assignment.borrow_mut().as_mut().unwrap().floor.first_article = 1;
    let (ports, _far) = silent_lines();
    let opened = open(folder.path(), Rc::clone(&server), ports, &[1]);
    let door = opened.0.floor();
    run_beside(opened, async |hall| {
        hall.live_until(shut_by(FaultCode::NobodySignedIn)).await;
        ask(&door, sign_in("lin")).await.unwrap();
        hall.presence(1, true).await;
        hall.lamp(1, Lamp::Fail).await;
        hall.presence(1, false).await;
        hall.live_until(shut_by(FaultCode::FirstArticleDue)).await;
        hall.stop();
    })
    .await;
    // The program starts anew, the server is away: it knows what it knew.
    server.away.set(true);
    let (ports, _far) = silent_lines();
    let opened = open(folder.path(), Rc::clone(&server), ports, &[1]);
    let door = opened.0.floor();
    run_beside(opened, async |hall| {
        hall.presence(1, true).await;
        hall.live_until(shut_by(FaultCode::FirstArticleDue)).await;
        let Ok(FloorDone::Sheet(sheet)) = ask(&door, FloorAsk::Sheet { slot: 1 }).await else {
            panic!("no sheet")
        };
        assert_eq!((sheet.boards.len(), sheet.operator.as_str()), (1, "lin"));
        let runs: Vec<RunId> = sheet.boards.iter().map(|board| board.run_id).collect();
        let judge = |by: &str| FloorAsk::Judge {
            slot: 1,
            by: by.to_owned(),
            accepted: true,
            note: String::new(),
            runs: runs.clone(),
        };
        assert_eq!(ask(&door, judge("lin")).await, Err(FloorRefusal::MayNotDecide));
        assert_eq!(ask(&door, judge("wei")).await, Ok(FloorDone::Done));
        hall.lamp(1, Lamp::Busy).await;
        server.away.set(false);
        hall.lamp(1, Lamp::Fail).await;
        sleep(Duration::from_secs(20)).await;
        hall.stop();
    })
    .await;
    let done = server.floor_events.borrow();
    let judged = done.iter().filter(|event| matches!(event.act, FloorAct::ArticleJudged { .. })).count();
    assert_eq!(judged, 1, "{done:?}");
}
