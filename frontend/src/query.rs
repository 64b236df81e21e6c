//! Data of a page: asked for when its question changes, shown until the next answer is there. Late answers are dropped.

use crate::{
    api::{Answer, ApiError},
    session::session,
    ui,
};
use leptos::{prelude::*, task::spawn_local};
use std::{future::Future, sync::Arc};

/// One question and its latest answer.
pub struct Query<T: 'static> {
    answer: RwSignal<Option<Result<Arc<T>, ApiError>>>,
    asking: RwSignal<bool>,
    again: Trigger,
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Query<T> {}

/// Asks whenever `question` changes.
pub fn query<Q, T, Coming>(
    question: impl Fn() -> Q + Send + Sync + 'static,
    ask: impl Fn(Q) -> Coming + 'static,
) -> Query<T>
where
    Q: Clone + PartialEq + Send + Sync + 'static,
    T: Send + Sync + 'static,
    Coming: Future<Output = Answer<T>> + 'static,
{
    let session = session();
    let query = Query { answer: RwSignal::new(None), asking: RwSignal::new(false), again: Trigger::new() };
    let question = Memo::new(move |_| question());
    let round = StoredValue::new(0_u64);
    Effect::new(move |_| {
        query.again.track();
        let coming = ask(question.get());
        let this = round.get_value() + 1;
        round.set_value(this);
        query.asking.set(true);
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
            query.asking.set(false);
            query.answer.set(Some(answer.map(Arc::new)));
        });
    });
    query
}

impl<T: Send + Sync + 'static> Query<T> {
    pub fn ask_again(self) {
        self.again.notify();
    }

    /// The answer, once there is one.
    pub fn get(self) -> Option<Arc<T>> {
        self.answer.get().and_then(Result::ok)
    }

    /// The page while it waits (its room kept), the answer through `view`, or what went wrong with a way on.
    pub fn show(self, view: impl Fn(Arc<T>) -> AnyView + Send + Sync + 'static) -> AnyView {
        view! {
            <div class:refreshing=move || self.asking.get() && self.answer.read().is_some()>
                {move || match self.answer.get() {
                    None => ui::skeleton(),
                    Some(Ok(answer)) => view(answer),
                    Some(Err(fault)) => ui::fault_panel(&fault, Some(Callback::new(move |()| self.ask_again()))),
                }}
            </div>
        }
        .into_any()
    }
}
