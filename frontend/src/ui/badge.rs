//! A badge is a colour, a shape and a word: whoever sees no colour loses nothing.

use crate::{clock, i18n};
use domain::{api::units::UnitLease, check_in::Lamp, lease::LeaseSync, outcome::Outcome};
use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Pass,
    Fail,
    Attention,
    Quiet,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Attention => "attention",
            Self::Quiet => "",
        }
    }

    /// The shape that stands for it.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Pass => "✔",
            Self::Fail => "✖",
            Self::Attention => "▲",
            Self::Quiet => "●",
        }
    }

    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Fail => Self::Fail,
            Outcome::Error | Outcome::CollateralAbort => Self::Attention,
            Outcome::Aborted | Outcome::Interrupted => Self::Quiet,
        }
    }
}

pub fn badge(tone: Tone, word: impl Into<String>) -> AnyView {
    view! {
        <span class=format!("badge {}", tone.class())>
            <span class="shape" aria-hidden="true">{tone.shape()}</span>
            {word.into()}
        </span>
    }
    .into_any()
}

/// The mark of what nobody knows: `why` says what and where it is from.
pub fn assumed(why: impl Into<String>) -> AnyView {
    view! { <span class="assumed" title=why.into()>{i18n::texts().provenance_assumed}</span> }.into_any()
}

/// The mark behind the label of a bundle whose model has assumed parts.
pub fn assumed_bundle(assumed: bool) -> AnyView {
    assumed.then(|| view! { " "{self::assumed(i18n::texts().assumed_why)} }).into_any()
}

pub fn outcome_badge(outcome: Outcome) -> AnyView {
    badge(Tone::of(outcome), i18n::texts().outcome(outcome))
}

/// The lamp of a station's records: a word, a shape and a colour.
pub fn lamp(lamp: Lamp) -> AnyView {
    let t = i18n::texts();
    match lamp {
        Lamp::AllOnServer => {
            view! { <span class="lamp" data-lamp="green">{t.all_on_server}</span> }.into_any()
        }
        Lamp::Waiting(records) => {
            view! { <span class="lamp waiting" data-lamp="waiting">{i18n::unsent(records)}</span> }.into_any()
        }
        Lamp::Frozen => view! { <span class="lamp stopped" data-lamp="frozen">{t.frozen}</span> }.into_any(),
        Lamp::Unknown => {
            view! { <span class="lamp unknown" data-lamp="unknown">{t.nothing_heard}</span> }.into_any()
        }
    }
}

/// How far a lease has come.
pub fn sync_badge(sync: LeaseSync) -> AnyView {
    let t = i18n::texts();
    match sync {
        LeaseSync::OnTheBoard => badge(Tone::Quiet, t.on_the_board),
        LeaseSync::NotYetOnTheBoard => badge(Tone::Attention, t.not_yet_on_board),
        LeaseSync::Unknown => badge(Tone::Quiet, t.lease_unknown),
    }
}

/// What the lease is and where: `locked · on the board`.
pub fn lease_badge(lease: &UnitLease) -> AnyView {
    let t = i18n::texts();
    let reported = lease.reported.as_ref().map(|reported| (reported.mode, reported.expires_at));
    let wanted = lease.desired.as_ref().map(|desired| (desired.mode, desired.expires_at)).or(reported);
    let Some((mode, until)) = wanted else {
        return badge(Tone::Quiet, t.lease_unknown);
    };
    let what = i18n::lease_until(mode, until.map(clock::day).as_deref());
    match lease.sync {
        LeaseSync::OnTheBoard => badge(Tone::Quiet, format!("{what} · {}", t.on_the_board)),
        LeaseSync::NotYetOnTheBoard => badge(Tone::Attention, format!("{what} · {}", t.not_yet_on_board)),
        LeaseSync::Unknown => badge(Tone::Quiet, format!("{what} · {}", t.never_read)),
    }
}
