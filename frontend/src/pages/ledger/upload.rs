//! A customer's own numbers of a batch: a file that is chosen or dropped, or lines that are pasted. What is wrong is named line by line
//! before anything is sent, by the server's own rules; the server takes the whole list or nothing of it.

use crate::{
    api::{self, ApiError},
    i18n, numbers,
    session::session,
    ui,
};
use domain::{
    api::quota::{ImportNumbers, LedgerView},
    ids::BatchId,
    number_list::{ListCheck, ListFault, ListProblem, parse_number_list},
    role::Permission,
};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;

/// Faults that are shown one by one.
const SHOWN: usize = 30;

/// Whether somebody may give the batch a list, and the batch still takes one.
pub fn may_upload(ledger: &LedgerView) -> bool {
    let numbers = &ledger.numbers;
    let untouched = numbers.listed.is_none() && numbers.lent == 0 && !numbers.scanned;
    untouched && session().may(Permission::ManageBatches)
}

/// What was given so far.
#[derive(Clone, Copy)]
struct Form {
    text: RwSignal<String>,
    check: RwSignal<bool>,
    busy: RwSignal<bool>,
    /// A file that is no text.
    unreadable: RwSignal<bool>,
    fault: RwSignal<Option<ApiError>>,
    /// What the server knows better.
    refused: RwSignal<Vec<ListFault>>,
}

pub fn upload_card(ledger: &LedgerView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let (batch, wanted) = (ledger.batch_id, ledger.quantity as usize);
    let form = Form {
        text: RwSignal::new(String::new()),
        check: RwSignal::new(false),
        busy: RwSignal::new(false),
        unreadable: RwSignal::new(false),
        fault: RwSignal::new(None),
        refused: RwSignal::new(Vec::new()),
    };
    let list = Memo::new(move |_| checked(&form.text.read(), form.check.get(), wanted));
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if list.read_untracked().is_ok()
            && !form.busy.get_untracked()
            && !form.text.read_untracked().trim().is_empty()
        {
            send(batch, form, changed);
        }
    };
    let cannot = move || form.busy.get() || form.text.read().trim().is_empty() || list.read().is_err();
    view! {
        <section class="card no-print upload">
            <div class="card-head"><h2>{t.upload_list}</h2></div>
            <form class="note-form" on:submit=save>
                <p class="quiet small">{t.upload_why}</p>
                {drop_zone(form)}
                <label class="field">
                    {t.numbers_pasted}
                    <textarea name="numbers" rows="6" spellcheck="false" prop:value=move || form.text.get()
                        on:input=move |event| heard(form, event_target_value(&event))></textarea>
                </label>
                <label class="check">
                    <input name="check" type="checkbox" on:change=move |event| {
                        form.refused.set(Vec::new());
                        form.check.set(event_target_checked(&event));
                    }/>
                    {t.ends_with_check}
                </label>
                {move || form.unreadable.get().then(|| view! { <p class="is-fail small" role="alert">{t.file_unreadable}</p> })}
                {move || standing(&form.text.read(), &list.read(), &form.refused.read())}
                {move || form.fault.get().map(|fault| ui::fault_inline(&fault))}
                <div class="row"><button class="button main" type="submit" disabled=cannot>{t.take_list}</button></div>
            </form>
        </section>
    }
    .into_any()
}

fn heard(form: Form, text: String) {
    form.refused.set(Vec::new());
    form.fault.set(None);
    form.unreadable.set(false);
    form.text.set(text);
}

/// The numbers, or all that is wrong.
fn checked(text: &str, check: bool, wanted: usize) -> Result<Vec<(usize, String)>, Vec<ListFault>> {
    let check = if check { ListCheck::Iso7064 } else { ListCheck::None };
    let numbers = parse_number_list(text, check)?;
    if numbers.len() < wanted {
        let what = ListProblem::TooFew { found: numbers.len(), wanted };
        return Err(vec![ListFault { line: 0, what }]);
    }
    Ok(numbers)
}

/// What the list is so far: how many numbers, or what is wrong in which line.
fn standing(
    text: &str,
    list: &Result<Vec<(usize, String)>, Vec<ListFault>>,
    refused: &[ListFault],
) -> AnyView {
    if text.trim().is_empty() {
        return ().into_any();
    }
    let faults = match list {
        Err(faults) => faults,
        Ok(numbers) if refused.is_empty() => {
            let end =
                |number: Option<&(usize, String)>| number.map(|(_, text)| text.clone()).unwrap_or_default();
            let count = numbers::count(numbers.len() as u64);
            let said = i18n::list_sound(&count, &end(numbers.first()), &end(numbers.last()));
            return view! { <p data-list="sound">{ui::badge(ui::Tone::Pass, said)}</p> }.into_any();
        }
        Ok(_) => refused,
    };
    let place = |line| if line == 0 { i18n::texts().whole_list.to_owned() } else { i18n::line_number(line) };
    let rows: Vec<AnyView> = faults
        .iter()
        .take(SHOWN)
        .map(|fault| {
            view! { <tr><td class="number nowrap quiet">{place(fault.line)}</td><td>{i18n::list_problem(&fault.what)}</td></tr> }
                .into_any()
        })
        .collect();
    let more = faults.len().saturating_sub(SHOWN);
    view! {
        <div class="list-faults" role="alert" data-list="faulty">
            <p class="is-fail">{i18n::list_faults(faults.len())}</p>
            <table class="tight"><tbody>{rows}</tbody></table>
            {(more > 0).then(|| ui::said("quiet small", i18n::and_more(more)))}
        </div>
    }
    .into_any()
}

fn send(batch: BatchId, form: Form, changed: Callback<()>) {
    form.busy.set(true);
    form.fault.set(None);
    let text = form.text.get_untracked();
    let session = session();
    spawn_local(async move {
        let import = ImportNumbers { text: text.clone(), check_character: form.check.get_untracked() };
        match api::import_numbers(batch, import).await {
            Ok(_) => changed.run(()),
            Err(refused) if refused.is_signed_out() => session.ended(),
            Err(refused) => {
                let known = known_already(&refused, &text);
                let _page_may_be_left = match known.is_empty() {
                    true => form.fault.try_set(Some(refused)).is_none(),
                    false => form.refused.try_set(known).is_none(),
                };
                let _ = form.busy.try_set(false);
            }
        }
    });
}

/// Of lines that pass every rule of a list's form the server refuses those whose numbers it knows.
fn known_already(refused: &ApiError, text: &str) -> Vec<ListFault> {
    let ApiError::Problem(problem) = refused else { return Vec::new() };
    let numbers = parse_number_list(text, ListCheck::None).unwrap_or_default();
    let fault = |field: &str| {
        let line = field.strip_prefix("line ")?.parse().ok()?;
        let (_, number) = numbers.iter().find(|(at, _)| *at == line)?;
        Some(ListFault { line, what: ListProblem::Known { number: number.clone() } })
    };
    problem.faults.iter().filter_map(|one| fault(&one.field)).collect()
}

fn drop_zone(form: Form) -> AnyView {
    let t = i18n::texts();
    let over = RwSignal::new(false);
    let dropped = move |event: web_sys::DragEvent| {
        event.prevent_default();
        over.set(false);
        if let Some(file) = event.data_transfer().and_then(|data| data.files()).and_then(|files| files.get(0))
        {
            take_file(form, file);
        }
    };
    let chosen = move |event: web_sys::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(input) = input else { return };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            take_file(form, file);
        }
        // The same file chosen again, corrected meanwhile, is news.
        input.set_value("");
    };
    view! {
        <label class="drop" class:over=move || over.get()
            on:dragover=move |event| { event.prevent_default(); over.set(true); }
            on:dragleave=move |_| over.set(false)
            on:drop=dropped
        >
            <input name="file" type="file" accept=".csv,.txt,text/csv,text/plain" on:change=chosen/>
            <span class="button">{t.choose_file}</span>
            <span class="quiet">{t.or_drop}</span>
        </label>
    }
    .into_any()
}

fn take_file(form: Form, file: web_sys::File) {
    spawn_local(async move {
        let text = match JsFuture::from(file.array_buffer()).await {
            Ok(buffer) => text_of(&js_sys::Uint8Array::new(&buffer).to_vec()),
            Err(_) => None,
        };
        match text {
            Some(text) => heard(form, text),
            None => form.unreadable.set(true),
        }
    });
}

/// Spreadsheets save text in what their country used before UTF-8, or in UTF-16.
fn text_of(bytes: &[u8]) -> Option<String> {
    let form = if bytes.starts_with(&[0xFF, 0xFE]) { ["utf-16le", "utf-16le"] } else { ["utf-8", "gbk"] };
    let text = form.iter().find_map(|label| {
        let options = web_sys::TextDecoderOptions::new();
        options.set_fatal(true);
        let decoder = web_sys::TextDecoder::new_with_label_and_options(label, &options).ok()?;
        decoder.decode_with_u8_array(bytes).ok()
    })?;
    // What is no text has zeros.
    (!text.contains('\0')).then_some(text)
}
