//! Where the time went, what proves the firmware, and the record itself.

use super::title;
use crate::{
    api, i18n, numbers,
    ui::{self, Tone},
};
use domain::{
    api::units::RunView,
    outcome::Outcome,
    prompt::AnswerRecord,
    record::{
        AdmissionRecord, AdmittedBy, FirmwareRecord, LeaseRecord, NumberRecord, SecretRecord, StepOutcome,
        StepRecord, TearDownRecord,
    },
    text::Fault,
};
use leptos::prelude::*;

/// What the server's own rules say against the record.
pub fn doubts(run: &RunView) -> AnyView {
    let t = i18n::texts();
    if run.doubts.is_empty() {
        return ().into_any();
    }
    let list = run.doubts.iter().map(|doubt| view! { <li>{i18n::doubt(doubt)}</li> });
    view! { <div class="notice fail" role="alert"><strong>{t.doubts}</strong><ul>{list.collect_view()}</ul></div> }.into_any()
}

/// Whether the record was made with addresses that nobody knows; on paper and on the screen.
pub fn assumed(run: &RunView) -> AnyView {
    let t = i18n::texts();
    run.assumed
        .then(|| {
            view! { <div class="notice attention" data-assumed="record"><strong>{t.provenance_assumed}</strong><span>{t.assumed_record}</span></div> }
        })
        .into_any()
}

/// What the server holds the run for: it never is a pass that the record only claims.
pub fn held(run: &RunView) -> Outcome {
    run.outcome.unwrap_or(Outcome::Error)
}

/// Why the run did not pass, and what to do.
pub fn fault(run: &RunView) -> AnyView {
    let Some(fault) = &run.record.fault else {
        return ().into_any();
    };
    let code = serde_json::to_string(&fault.code).unwrap_or_default();
    let named = titled(run, fault);
    view! {
        <section class="card error">
            <div class="card-head">
                <h2>{i18n::texts().outcome(held(run))}{fault.step.map(|step| format!(" · {}", i18n::step(step)))}</h2>
                <code class="aside">{code.trim_matches('"').to_owned()}</code>
            </div>
            <p>{i18n::fault(&named)}</p>
            <p class="quiet">{i18n::next_step(&named)}</p>
            {run.record.tear_down.as_ref().map(tear_down)}
        </section>
    }
    .into_any()
}

/// How the board was left after its test.
fn tear_down(torn: &TearDownRecord) -> AnyView {
    let t = i18n::texts();
    let badge = match torn.fault {
        None => ui::badge(Tone::Quiet, t.left_safe),
        Some(_) => ui::badge(Tone::Attention, t.not_left_safe),
    };
    let load = torn.load_ma.map(|load_ma| format!("{} {load_ma} mA", t.load));
    let lease = torn.lease_read.map(|mode| format!("{} {}", t.lease, t.lease_mode(mode)));
    let output = torn.output.map(|output| paths(Some(output.charge_on), Some(output.discharge_on)));
    let done: Vec<String> = [load, lease, output].into_iter().flatten().collect();
    view! {
        <p class="small" data-tear-down=if torn.fault.is_none() { "done" } else { "failed" }>
            {badge}" "<span class="quiet">{done.join(" · ")}</span>
            {torn.fault.as_ref().map(|fault| view! { <br/>{i18n::fault(fault)} })}
        </p>
    }
    .into_any()
}

/// The fault with parameters and measurements called by their titles.
fn titled(run: &RunView, fault: &Fault) -> Fault {
    ["register", "measurement"].into_iter().fold(fault.clone(), |named, arg| match fault.args.get(arg) {
        Some(name) => named.with(arg, title(run, name)),
        None => named,
    })
}

pub fn steps(run: &RunView) -> AnyView {
    let t = i18n::texts();
    let record = &run.record;
    let bytes: Vec<u64> = record.steps.iter().map(|step| step.wire_bytes).collect();
    let floors = numbers::wire_floors(record.wire_floor_ms, &bytes);
    let whole = (record.finished_at - record.started_at).num_milliseconds().max(0) as u64;
    let rows = record.steps.iter().zip(floors).map(|(step, floor)| step_row(step, floor));
    view! {
        <section class="card">
            <div class="card-head">
                <h2>{t.time_went}</h2>
                <span class="aside" title=t.total>{numbers::clock(whole.div_ceil(1000))}</span>
            </div>
            <table class="steps">
                <tbody>
                    {rows.collect_view()}
                    <tr>
                        <td class="quiet">{t.total}</td>
                        <td class="number strong">{numbers::seconds(whole)}</td>
                        <td class="quiet nowrap">" s · "{t.floor}" "{numbers::seconds(record.wire_floor_ms)}</td>
                    </tr>
                </tbody>
            </table>
        </section>
    }
    .into_any()
}

fn step_row(step: &StepRecord, floor: u64) -> AnyView {
    let t = i18n::texts();
    let mark = match step.outcome {
        StepOutcome::Passed => None,
        StepOutcome::Failed => Some(view! { " "<span class="is-fail" title=t.fail>"✖"</span> }.into_any()),
        StepOutcome::Skipped => Some(view! { " "<span class="quiet small">{t.skipped}</span> }.into_any()),
    };
    let again = (step.retries > 0)
        .then(|| view! { <span class="quiet small" title=t.begun_again>" ×"{step.retries + 1}</span> });
    view! {
        <tr data-step=step.step.as_str()>
            <td>{i18n::step(step.step)}{mark}{again}</td>
            <td class="number strong">{numbers::seconds(step.duration_ms)}</td>
            <td class="quiet nowrap">" s"{(floor >= 10).then(|| format!(" · {} {}", t.floor, numbers::seconds(floor)))}</td>
        </tr>
    }
    .into_any()
}

pub fn evidence(run: &RunView) -> AnyView {
    let t = i18n::texts();
    let record = &run.record;
    let hash = run.envelope_sha256.to_string();
    view! {
        <section class="card evidence small">
            <div class="card-head">
                <h2>{t.evidence}</h2>
                <a class="aside plain no-print" rel="external" href=api::run_address(record.run_id)>{t.raw_record}</a>
            </div>
            {record.admission.map(admitted)}
            {record.firmware.as_ref().map(firmware)}
            {record.password.as_ref().map(password)}
            {record.lease.as_ref().map(lock)}
            {record.output.map(|output| {
                view! { <p>{paths(Some(output.charge_on), Some(output.discharge_on))}</p> }
            })}
            {record.number.as_ref().map(number)}
            {record.answers.iter().map(answer).collect_view()}
            <p>
                <span class="quiet">{t.record_hash}</span>{ui::copy_button(hash.clone())}<br/>
                <span class="mono hash">{hash}</span>
            </p>
            <p class="quiet">
                {t.written}" "{ui::moment(record.finished_at)}<br/>
                {t.received}" "{ui::moment(run.received_at)}
            </p>
        </section>
    }
    .into_any()
}

/// What a person said: the question's name, the answer, who.
fn answer(said: &AnswerRecord) -> AnyView {
    let by = said.by.clone().map(|by| format!(" · {by}"));
    view! { <p data-answer=said.prompt.clone()><span class="quiet">{said.prompt.clone()}</span>" "{said.answer.to_string()}{by}</p> }.into_any()
}

/// By whose word the board was let in.
fn admitted(admission: AdmissionRecord) -> AnyView {
    let t = i18n::texts();
    let by = match admission.by {
        AdmittedBy::Server => t.admitted_by_server,
        AdmittedBy::Station => t.admitted_by_station,
    };
    let order = admission.rerun.map(|_| format!(" · {}", t.by_order));
    view! { <p><span class="quiet">{t.admitted_by}</span>" "{by}{order}</p> }.into_any()
}

fn firmware(firmware: &FirmwareRecord) -> AnyView {
    let t = i18n::texts();
    let how = if firmware.transferred { t.transferred } else { t.left_there };
    view! {
        <p>
            <span class="quiet">{t.firmware}</span>" "{firmware.version.clone()}
            {firmware.before.clone().map(|before| view! { <span class="quiet">" · "{t.firmware_before}" "{before}</span> })}
            <br/>
            <span class="strong">{t.grade(firmware.evidence)}</span>
            <span class="quiet">
                " · "{how}" · "{numbers::count(u64::from(firmware.image_bytes))}" B"
                {(firmware.resent_blocks > 0).then(|| format!(" · {}", i18n::blocks_again(firmware.resent_blocks)))}
            </span>
        </p>
    }
    .into_any()
}

fn password(password: &SecretRecord) -> AnyView {
    let t = i18n::texts();
    let proof = if password.proved {
        view! { <span>{t.proved}</span> }.into_any()
    } else {
        ui::badge(Tone::Attention, t.not_proved)
    };
    view! {
        <p><span class="quiet">{t.unit_password}</span>" "{i18n::digits(password.length)}<br/>{proof}</p>
    }
    .into_any()
}

/// Both paths as read at the end.
fn paths(charge_on: Option<bool>, discharge_on: Option<bool>) -> String {
    let t = i18n::texts();
    let path = |name: &'static str, on: Option<bool>| {
        let state = on.map_or("–", |on| if on { t.on } else { t.off });
        format!("{name} {state}")
    };
    format!("{} · {}", path(t.charge_path, charge_on), path(t.discharge_path, discharge_on))
}

/// The number as the board itself holds it.
fn number(number: &NumberRecord) -> AnyView {
    let t = i18n::texts();
    let read = number.after_restart.as_ref().or(number.read.as_ref());
    view! {
        <p>
            <span class="quiet">{t.number_on_board}</span>" "
            <span class="mono">{read.cloned().unwrap_or_else(|| "–".to_owned())}</span>
            <span class="quiet">" · "{number.register.clone()}" · "{t.evidence_of(number.evidence)}</span>
        </p>
    }
    .into_any()
}

/// The lock as the line left it, and the two paths as read at the end.
fn lock(lease: &LeaseRecord) -> AnyView {
    let t = i18n::texts();
    view! {
        <p>
            <span class="quiet">{t.lease}</span>" "{t.lease_mode(lease.set)}
            <span class="quiet">" · "{t.evidence_of(lease.evidence)}</span><br/>
            {paths(lease.charge_on, lease.discharge_on)}
        </p>
    }
    .into_any()
}
