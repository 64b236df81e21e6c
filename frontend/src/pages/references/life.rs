//! How long a reference is good for: as its row shows it, as a form asks for it, and quality's word that it is good for longer.

use crate::{
    api, clock, i18n, numbers,
    ui::{self, Coming, Tone},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    api::references::{ConfirmReference, MOST_USES, ReferenceLife, ReferenceRow, Worth},
    ids::ReferenceId,
};
use leptos::prelude::*;

/// What is to be said of it besides what it is; nothing of one that is good.
pub fn badge(row: &ReferenceRow) -> Option<AnyView> {
    let now = DateTime::<Utc>::from_timestamp_millis(clock::now_ms() as i64)?;
    let worth = row.life.worth(now);
    let word = i18n::worth(worth).filter(|_| row.ended.is_none())?;
    let tone = match worth {
        Worth::Good | Worth::NearEnd => Tone::Attention,
        Worth::Overdue | Worth::WornOut => Tone::Fail,
    };
    Some(view! { " "{ui::badge(tone, word)} }.into_any())
}

/// How often it was used, and of how many times.
pub fn uses(life: &ReferenceLife) -> String {
    let uses = numbers::count(life.uses.into());
    life.most_uses.map_or_else(|| uses.clone(), |most| format!("{uses} / {}", numbers::count(most.into())))
}

/// Until when.
pub fn due(life: &ReferenceLife) -> String {
    life.due.map_or_else(|| "–".to_owned(), |due| due.to_string())
}

/// An end, as it is typed.
#[derive(Clone, Copy, Default)]
pub struct End {
    due: RwSignal<String>,
    uses: RwSignal<String>,
}

impl End {
    pub fn given(self) -> Result<(Option<NaiveDate>, Option<u32>), &'static str> {
        let typed = ui::typed(self.uses);
        let uses = match typed.as_str() {
            "" => None,
            typed => Some(typed.parse().ok().filter(|uses| (1..=MOST_USES).contains(uses)))
                .map(|uses| uses.ok_or(i18n::reference_texts().wrong_uses))
                .transpose()?,
        };
        // The browser's own input gives a day or nothing.
        Ok((ui::typed(self.due).parse().ok(), uses))
    }

    pub fn fields(self) -> [AnyView; 2] {
        let t = i18n::reference_texts();
        let due = ui::day_field(t.due_field, "due", t.due_why.to_owned(), self.due);
        [
            ui::text_field(t.uses_field, "most_uses", t.uses_why, self.uses),
            view! { <div class="field">{due}</div> }.into_any(),
        ]
    }
}

/// "It is good until then, because".
pub fn confirm_form(id: ReferenceId, changed: Callback<()>, cancel: Callback<()>) -> AnyView {
    let t = i18n::reference_texts();
    let (end, reason) = (End::default(), RwSignal::new(String::new()));
    let act = move || -> Result<Coming, &'static str> {
        let (due, most_uses) = end.given()?;
        let reason = ui::typed(reason);
        if due.is_none() && most_uses.is_none() {
            return Err(t.nothing_said);
        }
        if reason.is_empty() {
            return Err(i18n::texts().note_missing);
        }
        Ok(Box::pin(async move {
            api::confirm_reference(id, ConfirmReference { due, most_uses, reason }).await?;
            changed.run(());
            Ok(())
        }))
    };
    let [uses, due] = end.fields();
    let parts = vec![
        ui::said("", t.confirm_why),
        due,
        uses,
        ui::text_field(t.because, "reason", t.because_why, reason),
    ];
    ui::form("note-form pairs", parts, t.confirm, Box::new(act), Some(cancel))
}
