//! Data of a page: asked for when its question changes, shown until the next answer is there. Late answers are dropped.

use crate::{
    api::{Answer, ApiError},
    session::session,
    ui,
};
use leptos::{prelude::*, task::spawn_local};
use std::{any::Any, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

/// One question and its latest answer.
pub struct Query<T: 'static> {
    core: Core,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Query<T> {}

/// What all questions share, whatever they are about: built once, where a copy for each kind of answer would weigh some kilobytes.
#[derive(Clone, Copy)]
struct Core {
    answer: RwSignal<Option<Answer<Held>>>,
    asking: RwSignal<bool>,
    again: Trigger,
}

type Held = Arc<dyn Any + Send + Sync>;
type Coming = Pin<Box<dyn Future<Output = Answer<Held>>>>;

/// Asks whenever `question` changes.
pub fn query<Q, T, Asked>(
    question: impl Fn() -> Q + Send + Sync + 'static,
    ask: impl Fn(Q) -> Asked + 'static,
) -> Query<T>
where
    Q: Clone + PartialEq + Send + Sync + 'static,
    T: Send + Sync + 'static,
    Asked: Future<Output = Answer<T>> + 'static,
{
    let question = Memo::new(move |_| question());
    let ask = move || -> Coming {
        let coming = ask(question.get());
        Box::pin(async move {
            let answer: Held = Arc::new(coming.await?);
            Ok(answer)
        })
    };
    Query { core: Core::asking(Box::new(ask)), of: PhantomData }
}

impl Core {
    fn asking(ask: Box<dyn Fn() -> Coming>) -> Self {
        let session = session();
        let core = Self { answer: RwSignal::new(None), asking: RwSignal::new(false), again: Trigger::new() };
        let round = StoredValue::new(0_u64);
        Effect::new(move |_| {
            core.again.track();
            let coming = ask();
            let this = round.get_value() + 1;
            round.set_value(this);
            core.asking.set(true);
            spawn_local(async move {
                let answer = coming.await;
                // None when the page was left meanwhile.
                if round.try_get_value() != Some(this) {
                    return;
                }
                if answer.as_ref().is_err_and(ApiError::is_signed_out) {
                    session.ended();
                    return;
                }
                core.asking.set(false);
                core.answer.set(Some(answer));
            });
        });
        core
    }

    fn show(self, view: Box<dyn Fn(Held) -> AnyView + Send + Sync>) -> AnyView {
        view! {
            <div class:refreshing=move || self.asking.get() && self.answer.read().is_some()>
                {move || match self.answer.get() {
                    None => ui::skeleton(),
                    Some(Ok(answer)) => view(answer),
                    Some(Err(fault)) => ui::fault_panel(&fault, Some(Callback::new(move |()| self.again.notify()))),
                }}
            </div>
        }
        .into_any()
    }
}

impl<T: Send + Sync + 'static> Query<T> {
    pub fn ask_again(self) {
        self.core.again.notify();
    }

    /// The answer, once there is one.
    pub fn get(self) -> Option<Arc<T>> {
        self.core.answer.get().and_then(Result::ok).and_then(|answer| answer.downcast().ok())
    }

    /// The page while it waits (its room kept), the answer through `view`, or what went wrong with a way on.
    pub fn show(self, view: impl Fn(Arc<T>) -> AnyView + Send + Sync + 'static) -> AnyView {
        self.core.show(Box::new(move |answer| answer.downcast().map_or_else(|_| ui::skeleton(), &view)))
    }
}
