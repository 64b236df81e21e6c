//! The sheet of a slot's first boards: read, printed, and signed by quality or a delegated lead.

use super::{credential::Signing, field, titled, told};
use crate::{desk::Desk, post::ask, said, words};
use domain::api::operator::{ArticleBoard, ArticleSheet, Credential, JudgeArticle};
use gloo_net::http::Method;
use leptos::{prelude::*, task::spawn_local};

pub fn view(desk: Desk, slot: u16) -> AnyView {
    let t = words::texts();
    let (sheet, told_line) = (RwSignal::new(None::<ArticleSheet>), RwSignal::new(String::new()));
    let (accepted, note) = (RwSignal::new(true), RwSignal::new(String::new()));
    spawn_local(async move {
        match ask(Method::GET, &format!("/articles/{slot}"), None).await {
            Ok(text) => sheet.set(serde_json::from_str(&text).ok()),
            Err(refused) => told_line.set(refused),
        }
    });
    let sign = move |credential: Credential| {
        let Some(runs) = sheet
            .with_untracked(|sheet| Some(sheet.as_ref()?.boards.iter().map(|board| board.run_id).collect()))
        else {
            return;
        };
        let form =
            JudgeArticle { credential, accepted: accepted.get_untracked(), note: note.get_untracked(), runs };
        spawn_local(async move {
            match ask(Method::POST, &format!("/articles/{slot}"), serde_json::to_string(&form).ok()).await {
                Ok(_) => {
                    desk.open(None);
                    desk.say(format!(
                        "{} {slot}: {}",
                        t.slot,
                        if form.accepted { t.article_accepted } else { t.article_refused }
                    ));
                }
                Err(refused) => told_line.set(refused),
            }
        });
    };
    let signing = Signing::new(desk, sign);
    let choice = move |yes: bool, word: &'static str| {
        view! {
            <button type="button" class="choice" data-judge=if yes { "accept" } else { "refuse" } aria-pressed=move || (accepted.get() == yes).to_string()
                on:click=move |_| accepted.set(yes)>{word}</button>
        }
    };
    view! {
        {titled(desk, format!("{} · {} {slot}", t.first_article, t.slot))}
        {move || sheet.get().as_ref().map(paper)}
        <form class="unprinted" on:submit=move |event| { event.prevent_default(); sign(signing.typed()); }>
            {choice(true, t.accept)}{choice(false, t.refuse)}
            {field(t.note, "note", note, "text")}
            {signing.view(t.sign_with_badge)}
            <button type="submit" class="main">{t.sign}</button>
            <button type="button" class="plain" on:click=|_| { let _a_browser_may_not_print = window().print(); }>{t.print}</button>
        </form>
        {told(told_line)}
    }
    .into_any()
}

/// What is judged, as it is printed.
fn paper(sheet: &ArticleSheet) -> AnyView {
    let t = words::texts();
    let heads: Vec<AnyView> = sheet.boards.iter().map(|board| head(board, sheet)).collect();
    let first = sheet.boards.first();
    let rows: Vec<AnyView> = first
        .iter()
        .flat_map(|first| first.measurements.iter().enumerate())
        .map(|(index, figure)| {
            let values = sheet.boards.iter().map(|board| {
                let one = board.measurements.get(index).filter(|one| one.name == figure.name);
                let class = if one.is_some_and(|one| !one.passed) { "bad" } else { "" };
                view! { <td class=class>{one.map(|one| one.value.to_string())}</td> }
            });
            let bound = |bound: Option<f64>| bound.map(|bound| bound.to_string()).unwrap_or_else(|| "…".to_owned());
            view! {
                <table><tbody><tr><th>{said::title(&figure.name, &sheet.titles)}</th>{values.collect_view()}
                    <td class="quiet">{figure.unit.clone()}</td>
                    <td class="quiet">{format!("{} – {}", bound(figure.limit.min), bound(figure.limit.max))}</td></tr></tbody></table>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="paper">
            <p><b>{format!("{} {}", t.batch, sheet.batch)}</b>" "{words::pick(&sheet.product)}" "<span class="quiet">{sheet.bundle.clone()}" · "{sheet.station_name.clone()}" · "{t.why(sheet.why)}" · "{sheet.operator.clone()}</span></p>
            <ol class="boards">{heads}</ol>
            <div class="figures">{rows}</div>
            <p class="signature">{t.signature}" ______________________"</p>
        </div>
    }
    .into_any()
}

fn head(board: &ArticleBoard, sheet: &ArticleSheet) -> AnyView {
    let t = words::texts();
    view! {
        <li><b class="mono">{board.serial.clone()}</b>" "{t.verdict(board.outcome)}" "{board.fault.as_ref().map(|fault| said::why(fault, &sheet.titles))}
            <span class="quiet">" "{board.firmware.clone()}" · "{format!("{} / {} {}", board.held, board.parameters, t.parameters_held)}</span></li>
    }
    .into_any()
}
