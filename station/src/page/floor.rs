//! The page's routes for people: signing in, scans, change-over, first articles, stops, hand-over. Who somebody is is found out here; what he
//! may do, the station's shift book says.

use super::{
    credential::{Tries, may_be_badge, whose},
    door::{Desk, problem, read, stopping},
    route::{Goes, route, slot_code},
};
use crate::floor_door::{FloorAsk, FloorDone};
use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use domain::{
    api::operator::{
        Credential, FinishChangeOver, FloorRefusal, HandOverForm, JudgeArticle, LetGo, PersonChoice,
        RepairedForm, ScanForm, ScanReply, SignInForm,
    },
    floor::{JigPerson, SignInWay},
    prompt::{Answer, AnswerSource, GivenAnswer},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Wrong ones of all browsers together: whoever tries has the jig before him.
pub type SharedTries = Arc<Mutex<Tries>>;

type Form<T> = Result<Json<T>, JsonRejection>;

pub fn router() -> Router<Desk> {
    Router::new()
        .route("/scan", post(scan))
        .route("/people", get(people))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/change-over", post(finish_change_over).delete(give_up_change_over))
        .route("/articles/{slot}", get(sheet).post(judge))
        .route("/let-go", post(let_go))
        .route("/repaired", post(repaired))
        .route("/shift", get(figures).post(hand_over))
}

async fn scan(State(desk): State<Desk>, form: Form<ScanForm>) -> Response {
    let ScanForm { code, slot } = match read(form) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    let code = code.trim();
    let slots: Vec<u16> = desk.door.slots().collect();
    if let Some(number) = slot_code(code) {
        let is_there = slots.contains(&number);
        return scanned(if is_there { ScanReply::Chooses { slot: number } } else { ScanReply::NoSlot });
    }
    let badge = Credential::Badge { badge: code.to_owned() };
    let people = desk.people();
    if may_be_badge(&people, code)
        && let Some(person) = known(people, badge).await
    {
        return done(
            desk.floor.ask(FloorAsk::SignIn { username: person.username, way: SignInWay::Badge }).await,
        );
    }
    match desk.floor.ask(FloorAsk::Order { code: code.to_owned(), slot }).await {
        Some(Ok(FloorDone::NoOrder)) => {}
        answered => return done(answered),
    }
    let goes = desk.shown.borrow().as_ref().map_or(Goes::Nowhere, |view| {
        let units = view.labels.iter().flat_map(|labels| &labels.unlabelled);
        let loose = units.filter(|unit| unit.slot.is_none()).map(|unit| unit.serial.clone());
        route(code, &view.slots, slot, &loose.collect::<Vec<_>>())
    });
    let (reply, is_taken) = match goes {
        Goes::Answers { slot, id } => {
            let answer = Answer::Scan(code.to_owned());
            let given = GivenAnswer { id, answer, by: desk.operator(), source: AnswerSource::Page };
            (ScanReply::Answers { slot }, desk.door.answer(slot, given))
        }
        Goes::Announces(slot) => {
            let by = desk.operator();
            (ScanReply::Announces { slot }, desk.door.scan(slot, code, by.as_deref(), AnswerSource::Page))
        }
        Goes::ByHand => {
            desk.door.scan_by_hand(code, desk.operator().as_deref(), AnswerSource::Page);
            (ScanReply::ByHand, true)
        }
        Goes::Nowhere => (ScanReply::Nowhere, true),
    };
    scanned(if is_taken { reply } else { ScanReply::NoSlot })
}

fn scanned(reply: ScanReply) -> Response {
    Json(reply).into_response()
}

/// Those who may be vouched for.
async fn people(State(desk): State<Desk>) -> Json<Vec<PersonChoice>> {
    let of = |person: JigPerson| PersonChoice { username: person.username, name: person.name };
    let mut people: Vec<PersonChoice> = desk.people().into_iter().map(of).collect();
    people.sort_by(|a, b| a.name.cmp(&b.name));
    Json(people)
}

async fn sign_in(State(desk): State<Desk>, form: Form<SignInForm>) -> Response {
    let SignInForm { credential, vouch_for } = match read(form) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    let by_badge = matches!(credential, Credential::Badge { .. });
    let person = match desk.who(credential).await {
        Ok(person) => person,
        Err(refusal) => return refused(refusal),
    };
    let (username, way) = match vouch_for {
        Some(username) => (username, SignInWay::Vouch { lead: person.username }),
        None if by_badge => (person.username, SignInWay::Badge),
        None => (person.username, SignInWay::Pin),
    };
    done(desk.floor.ask(FloorAsk::SignIn { username, way }).await)
}

async fn sign_out(State(desk): State<Desk>) -> Response {
    done(desk.floor.ask(FloorAsk::SignOut).await)
}

async fn finish_change_over(State(desk): State<Desk>, form: Form<FinishChangeOver>) -> Response {
    match read(form) {
        Ok(form) => done(desk.floor.ask(FloorAsk::FinishChangeOver(form)).await),
        Err(response) => *response,
    }
}

async fn give_up_change_over(State(desk): State<Desk>) -> Response {
    done(desk.floor.ask(FloorAsk::GiveUpChangeOver).await)
}

async fn sheet(State(desk): State<Desk>, Path(slot): Path<u16>) -> Response {
    done(desk.floor.ask(FloorAsk::Sheet { slot }).await)
}

async fn judge(State(desk): State<Desk>, Path(slot): Path<u16>, form: Form<JudgeArticle>) -> Response {
    let JudgeArticle { credential, accepted, note, runs } = match read(form) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    match desk.who(credential).await {
        Ok(person) => {
            let by = person.username;
            done(desk.floor.ask(FloorAsk::Judge { slot, by, accepted, note, runs }).await)
        }
        Err(refusal) => refused(refusal),
    }
}

async fn let_go(State(desk): State<Desk>, form: Form<LetGo>) -> Response {
    let LetGo { credential, slots, reason } = match read(form) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    match desk.who(credential).await {
        Ok(person) => done(desk.floor.ask(FloorAsk::LetGo { slots, by: person.username, reason }).await),
        Err(refusal) => refused(refusal),
    }
}

async fn repaired(State(desk): State<Desk>, form: Form<RepairedForm>) -> Response {
    match read(form) {
        Ok(RepairedForm { slots, note }) => done(desk.floor.ask(FloorAsk::Repaired { slots, note }).await),
        Err(response) => *response,
    }
}

async fn figures(State(desk): State<Desk>) -> Response {
    done(desk.floor.ask(FloorAsk::Figures).await)
}

async fn hand_over(State(desk): State<Desk>, form: Form<HandOverForm>) -> Response {
    match read(form) {
        Ok(HandOverForm { note }) => done(desk.floor.ask(FloorAsk::HandOver { note }).await),
        Err(response) => *response,
    }
}

/// Whose it is; off this thread, which serves every browser.
async fn known(people: Vec<JigPerson>, shown: Credential) -> Option<JigPerson> {
    tokio::task::spawn_blocking(move || whose(&people, &shown).cloned()).await.ok().flatten()
}

impl Desk {
    fn people(&self) -> Vec<JigPerson> {
        self.floor.shown().borrow().people.clone()
    }

    /// Who is signed in, for what he answers.
    pub(super) fn operator(&self) -> Option<String> {
        self.floor.shown().borrow().view.person.as_ref().map(|person| person.username.clone())
    }

    async fn who(&self, shown: Credential) -> Result<JigPerson, FloorRefusal> {
        let tries = || self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries().require_fewer(Instant::now())?;
        let person = known(self.people(), shown).await;
        tries().count(Instant::now(), person.is_some());
        person.ok_or(FloorRefusal::WrongCredential)
    }
}

fn done(answered: Option<Result<FloorDone, FloorRefusal>>) -> Response {
    match answered {
        None => stopping(),
        Some(Err(refusal)) => refused(refusal),
        Some(Ok(FloorDone::Done | FloorDone::NoOrder)) => StatusCode::NO_CONTENT.into_response(),
        Some(Ok(FloorDone::Scanned(reply))) => scanned(reply),
        Some(Ok(FloorDone::Sheet(sheet))) => Json(*sheet).into_response(),
        Some(Ok(FloorDone::Figures(figures))) => Json(*figures).into_response(),
    }
}

fn refused(refusal: FloorRefusal) -> Response {
    let detail = match refusal {
        FloorRefusal::WrongCredential => {
            "nobody has that badge, or that number with that PIN; try again, or have a lead vouch"
        }
        FloorRefusal::TooManyTries => "too many were wrong; wait a minute",
        FloorRefusal::MayNotDecide => "that is for quality, or a lead whom quality has delegated it to",
        FloorRefusal::NobodySignedIn => "nobody is signed in; sign in first",
        FloorRefusal::NoSuchPerson => {
            "nobody is called so here; an administrator adds him on the page People"
        }
        FloorRefusal::OrderHeld => "quality holds that batch; ask there",
        FloorRefusal::ServerAway => {
            "the server has to know and does not answer; work on, and scan the order again when it is back"
        }
        FloorRefusal::ServerRefuses => {
            "the server refuses: the order is another one by now; look at the batches page"
        }
        FloorRefusal::NothingOpen => "nothing of that kind is open here any more",
        FloorRefusal::ClearanceDiffers => {
            "what came in is not pass, fail, rework and scrap together; count again"
        }
        FloorRefusal::FixtureDiffers => {
            "that is another fixture's code than the one this jig is set up with; put the right fixture on, or have its file named in station.toml"
        }
        FloorRefusal::FixtureUnfit => {
            "this jig's fixture is not made for that product; put the right one on and name its file in station.toml"
        }
        FloorRefusal::FixtureMissing => "scan the fixture's code, or write how it was seen to fit",
        FloorRefusal::NotTheSheet => "these are not the boards that wait to be judged; open the sheet again",
        FloorRefusal::ReasonMissing => "write down why",
        FloorRefusal::NoSlot => "this station has no such slot",
        FloorRefusal::NotWritten => "the station's disk did not take it; free space, and tell a technician",
    };
    problem(StatusCode::CONFLICT, &refusal.word(), detail)
}
