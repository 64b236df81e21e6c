//! References near their end, or past it: the worst one, in a quiet line.

use crate::words;
use domain::{
    api::operator::ReferenceEnding,
    reference::{ReferenceLife, Worth},
};
use leptos::prelude::*;

pub fn line(ending: &[ReferenceEnding]) -> Option<AnyView> {
    let (worst, others) = ending.split_first()?;
    let more = (!others.is_empty()).then(|| format!(" (+{})", others.len()));
    let (proves, shape) = if worst.worth.proves() { ("yes", None) } else { ("no", Some("◐ ")) };
    let text = format!("{}{}", told(worst), more.unwrap_or_default());
    Some(
        view! { <p class="reference" data-proves=proves><span aria-hidden="true">{shape}</span>{text}</p> }
            .into_any(),
    )
}

fn told(ending: &ReferenceEnding) -> String {
    let t = words::texts();
    let ReferenceLife { due, most_uses, uses } = ending.life;
    let due = due.map(|due| due.to_string()).unwrap_or_default();
    let uses = format!("{uses} / {}", most_uses.map(|most| most.to_string()).unwrap_or_default());
    let about = match ending.worth {
        Worth::Overdue => format!("{} {due} – {}", t.reference_overdue, t.ask_quality),
        Worth::WornOut => format!("{} {uses} – {}", t.reference_worn_out, t.ask_quality),
        // Whichever end is nearer is not said: both are.
        Worth::NearEnd | Worth::Good => {
            let due = (!due.is_empty()).then(|| format!("{} {due}", t.reference_due));
            let uses = most_uses.map(|_| format!("{} {uses}", t.reference_uses));
            due.into_iter().chain(uses).collect::<Vec<_>>().join(" · ")
        }
    };
    format!("{} {about}", ending.name)
}
