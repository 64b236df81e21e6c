//! What stands where data is missing: not yet, none, or a fault. State, reason, next step, in that order.

use super::button;
use crate::{api::ApiError, i18n};
use leptos::prelude::*;

/// Room for what is coming; grey only after 300 ms.
pub fn skeleton() -> AnyView {
    view! {
        <div class="card skeleton" aria-busy="true">
            {(0..8).map(|_| view! { <i></i> }).collect_view()}
        </div>
    }
    .into_any()
}

/// What will stand here, and the way to it.
pub fn empty(title: &'static str, why: &'static str, action: Option<AnyView>) -> AnyView {
    view! {
        <div class="empty">
            <strong>{title}</strong>
            <p>{why}</p>
            {action}
        </div>
    }
    .into_any()
}

struct Words {
    title: &'static str,
    why: String,
    code: String,
}

fn words(fault: &ApiError) -> Words {
    let t = i18n::texts();
    match fault {
        ApiError::Away => Words { title: t.away_title, why: t.away_why.to_owned(), code: "away".to_owned() },
        ApiError::Problem(problem) => Words {
            title: match problem.status {
                403 => t.forbidden,
                404 => t.not_found,
                _ => t.problem_title,
            },
            why: i18n::problem(problem),
            code: problem.code.clone(),
        },
        ApiError::Unreadable { status, detail } => Words {
            title: t.unreadable_title,
            why: t.unreadable_why.to_owned(),
            code: format!("unreadable {status}: {detail}"),
        },
    }
}

/// A fault in the place of the data.
pub fn fault_panel(fault: &ApiError, again: Option<Callback<()>>) -> AnyView {
    let Words { title, why, code } = words(fault);
    let again = again.map(|again| button("button", "again", i18n::texts().try_again, again));
    failed(title, why, &code, again)
}

/// What a part of the page, which comes later, is missed as: the server is there, and that file is not.
pub fn part_missing() -> AnyView {
    let t = i18n::texts();
    let reload = Callback::new(|()| drop(window().location().reload()));
    let reload = button("button", "reload", t.reload, reload);
    failed(t.part_missing_title, t.part_missing_why.to_owned(), "part_missing", Some(reload))
}

fn failed(title: &'static str, why: String, code: &str, way_on: Option<AnyView>) -> AnyView {
    let code = format!("{}: {code}", i18n::texts().code);
    view! {
        <div class="card error" role="alert">
            <h2>{title}</h2>
            <p>{why}</p>
            <p><code>{code}</code></p>
            {way_on}
        </div>
    }
    .into_any()
}

/// A fault under a form, with its fields' faults.
pub fn fault_inline(fault: &ApiError) -> AnyView {
    let Words { why, code, .. } = words(fault);
    let fields = match fault {
        ApiError::Problem(problem) => problem.faults.clone(),
        _ => Vec::new(),
    };
    view! {
        <div class="notice fail" role="alert">
            <div>
                <p>{why}" "<code class="small">{code}</code></p>
                {fields.into_iter().map(|fault| view! { <p>{fault.field}": "{fault.detail}</p> }).collect_view()}
            </div>
        </div>
    }
    .into_any()
}
