//! The page's routes, and the thread that serves them.

use super::{
    access::{Access, Refused},
    detail::detail,
    floor::{self, SharedTries},
    setup::{self, Setup, SetupDesk},
    view::Picture,
};
use crate::{
    answer_door::AnswerDoor,
    floor_door::{FloorDoor, FloorShown},
    progress::Progress,
};
use axum::{
    Json, Router,
    extract::{Path, Request, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use domain::{
    api::{
        operator::{AnswerForm, OperatorView, ReprintForm},
        problem::Problem,
    },
    prompt::{AnswerSource, GivenAnswer},
};
use futures_util::{Stream, StreamExt as _};
use std::{convert::Infallible, net::TcpListener, sync::Arc};
use tokio::sync::{mpsc, watch};
use tokio_stream::{StreamMap, wrappers::WatchStream};

/// What the page is served from.
pub struct PageOrder {
    pub listener: TcpListener,
    pub access: Access,
    pub door: AnswerDoor,
    pub floor: FloorDoor,
    pub setup: Setup,
    /// What the station tells of itself. Its end is the page's.
    pub progress: mpsc::UnboundedReceiver<Progress>,
}

#[derive(Clone)]
pub(super) struct Desk {
    access: Access,
    pub(super) door: AnswerDoor,
    pub(super) floor: FloorDoor,
    pub(super) tries: SharedTries,
    pub(super) setup: SetupDesk,
    /// None until the station said something.
    pub(super) shown: watch::Receiver<Option<Arc<OperatorView>>>,
}

/// Serves the page on a thread of its own until the station's program ends.
///
/// # Errors
/// There is no thread for it.
pub fn serve(order: PageOrder) -> std::io::Result<()> {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let served = runtime.and_then(|runtime| runtime.block_on(serve_now(order)));
        if let Err(fault) = served {
            tracing::error!(%fault, "the operator's page is not served any more; the slots go on. Start the station again to have it back");
        }
    };
    std::thread::Builder::new().name("operator page".to_owned()).spawn(work).map(drop)
}

async fn serve_now(order: PageOrder) -> std::io::Result<()> {
    let PageOrder { listener, access, door, floor, setup, progress } = order;
    let setup = SetupDesk::new(setup);
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (shown, showing) = watch::channel(None);
    let (of_floor, tries) = (floor.shown(), SharedTries::default());
    let routes = router(Desk { access, door: door.clone(), floor, tries, setup, shown: showing });
    tokio::select! {
        // Whoever listens hears that by the end of his stream.
        () = look(door, of_floor, progress, shown) => Ok(()),
        served = async { axum::serve(listener, routes).await } => served,
    }
}

/// Keeps the picture until the station is gone.
async fn look(
    door: AnswerDoor,
    of_floor: watch::Receiver<FloorShown>,
    mut progress: mpsc::UnboundedReceiver<Progress>,
    shown: watch::Sender<Option<Arc<OperatorView>>>,
) {
    let mut picture = Picture::default();
    let mut of_floor = WatchStream::new(of_floor);
    let mut asked: StreamMap<u16, _> =
        door.slots().filter_map(|slot| Some((slot, WatchStream::new(door.asked(slot)?)))).collect();
    let mut orders: StreamMap<u16, _> =
        door.slots().filter_map(|slot| Some((slot, WatchStream::new(door.order(slot)?)))).collect();
    loop {
        let is_another = tokio::select! {
            biased;
            said = progress.recv() => match said {
                Some(said) => picture.hear(said),
                None => return,
            },
            Some(floor) = of_floor.next() => {
                picture.floor(floor);
                true
            }
            Some((slot, open)) = asked.next() => {
                picture.asked(slot, open);
                true
            }
            Some((slot, order)) = orders.next() => {
                picture.ordered(slot, order.and_then(Result::ok));
                true
            }
        };
        if is_another {
            shown.send_replace(picture.view().map(Arc::new));
        }
    }
}

const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/api/v1/operator", get(now))
        .route("/api/v1/operator/events", get(events))
        .route("/api/v1/operator/slots/{slot}/answer", post(answer))
        .route("/api/v1/operator/slots/{slot}/detail", get(detail))
        .route("/api/v1/operator/slots/{slot}/picture", get(picture))
        .nest("/api/v1/operator", floor::router())
        .merge(setup::router())
        .route("/api/v1/operator/labels/{serial}/again", post(label_again))
        .route("/api/v1/operator/labels/{serial}/later", post(label_later))
        .route("/api/v1/operator/labels/{serial}/destroyed", post(label_destroyed))
        .fallback(get(file))
        .layer(from_fn_with_state(desk.clone(), guarded))
        .with_state(desk)
}

/// Turns away whoever may not look.
async fn guarded(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if let Some(cookie) = desk.access.cookie(request.uri()) {
        let to = (header::LOCATION, HeaderValue::from_static("/"));
        let Ok(cookie) = HeaderValue::from_str(&cookie) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        return (StatusCode::SEE_OTHER, [to, (header::SET_COOKIE, cookie)]).into_response();
    }
    let mut response = match desk.access.judge(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => turned_away(refused),
    };
    let fixed: [(HeaderName, &str); 3] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn turned_away(refused: Refused) -> Response {
    match refused {
        Refused::Foreign => problem(
            StatusCode::FORBIDDEN,
            "foreign",
            "this page is for the machine at the jig alone; open it there as http://localhost, or give it a token (operator_token)",
        ),
        Refused::NoToken => problem(
            StatusCode::UNAUTHORIZED,
            "no_token",
            "this page needs its token: open it once as /?token=TOKEN, with operator_token of the station's settings",
        ),
    }
}

pub(super) fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let problem = Problem {
        kind: format!("urn:jigline:problem:{code}"),
        code: code.to_owned(),
        status: status.as_u16(),
        detail: detail.to_owned(),
        faults: Vec::new(),
        reason: None,
    };
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    (status, [kind], Json(problem)).into_response()
}

/// The station's program ends.
pub(super) fn stopping() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the station's program ends")
}

/// A form, or what is answered to one that is none.
pub(super) fn read<T>(form: Result<Json<T>, JsonRejection>) -> Result<T, Box<Response>> {
    form.map(|Json(form)| form)
        .map_err(|fault| Box::new(problem(fault.status(), "invalid", &fault.body_text())))
}

async fn now(State(desk): State<Desk>) -> Response {
    let mut shown = desk.shown;
    match shown.wait_for(Option::is_some).await {
        Ok(view) => Json(view.as_deref()).into_response(),
        Err(_) => stopping(),
    }
}

async fn events(State(desk): State<Desk>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let views = WatchStream::new(desk.shown).filter_map(|view| async move { view });
    let event =
        |view: Arc<OperatorView>| Ok(Event::default().event("view").json_data(&*view).unwrap_or_default());
    Sse::new(views.map(event)).keep_alive(KeepAlive::default())
}

async fn answer(
    State(desk): State<Desk>,
    Path(slot): Path<u16>,
    form: Result<Json<AnswerForm>, JsonRejection>,
) -> Response {
    let AnswerForm { id, answer } = match read(form) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    let by = desk.operator();
    taken(desk.door.answer(slot, GivenAnswer { id, answer, by, source: AnswerSource::Page }))
}

/// Whatever stands in it, nothing of it runs or loads.
const PICTURE_POLICY: &str = "default-src 'none'; sandbox";

/// The picture of the question that is open. It was judged when its procedure was; a browser is told to trust it no further.
async fn picture(State(desk): State<Desk>, Path(slot): Path<u16>) -> Response {
    let open = desk.door.asked(slot).and_then(|asked| asked.borrow().clone());
    let Some(picture) = open.and_then(|open| open.prompt.picture) else {
        return problem(StatusCode::NOT_FOUND, "no_picture", "this slot asks nothing that has a picture now");
    };
    let heads = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (heads, picture.as_str().to_owned()).into_response()
}

async fn label_again(
    State(desk): State<Desk>,
    Path(serial): Path<String>,
    form: Result<Json<ReprintForm>, JsonRejection>,
) -> Response {
    match form {
        Ok(Json(ReprintForm { reason })) => {
            desk.door.label_again(&serial, reason);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(fault) => problem(fault.status(), "invalid", &fault.body_text()),
    }
}

async fn label_later(State(desk): State<Desk>, Path(serial): Path<String>) -> Response {
    desk.door.label_later(&serial);
    StatusCode::NO_CONTENT.into_response()
}

async fn label_destroyed(State(desk): State<Desk>, Path(serial): Path<String>) -> Response {
    desk.door.label_destroyed(&serial);
    StatusCode::NO_CONTENT.into_response()
}

fn taken(is_taken: bool) -> Response {
    if is_taken {
        StatusCode::NO_CONTENT.into_response()
    } else {
        problem(
            StatusCode::NOT_FOUND,
            "no_slot",
            "this station has no such slot, or it has ended; look at its number",
        )
    }
}

#[cfg(feature = "embed-ui")]
async fn file(address: Uri, headers: HeaderMap) -> Response {
    super::files::page(address.path(), &headers)
}

#[cfg(not(feature = "embed-ui"))]
async fn file(_: Uri, _: HeaderMap) -> Response {
    let text = "This station was built without its page: `cargo xtask ui`, then build with `--features embed-ui`. What it would show is at /api/v1/operator.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}
