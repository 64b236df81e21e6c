//! What was done at a jig, in sentences.

use super::{floor_words, language, step};
use crate::numbers;
use domain::{
    api::floor::FloorRow,
    floor::{ArticleWhy, Clearance, FloorAct, FloorRules, PersonFault, SignInWay},
    text::Language::{self, En, Zh},
};

/// The floor's words in the page's language.
pub fn floor_texts() -> &'static floor_words::Texts {
    match language() {
        En => &floor_words::EN,
        Zh => &floor_words::ZH,
    }
}

/// `slot 3`, `slots 1–3, 5`.
pub fn some_slots(slots: &[u16]) -> String {
    let mut sorted = slots.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let called = numbers::ranges(&sorted);
    match language() {
        En if sorted.len() > 1 => format!("slots {called}"),
        En => format!("slot {called}"),
        Zh => format!("{called} 号工位"),
    }
}

/// What was done, in one sentence.
pub fn floor_act(row: &FloorRow) -> String {
    let batch = || row.batch_name.clone().unwrap_or_else(|| "?".to_owned());
    match &row.event.act {
        FloorAct::ShiftBegun { by } => either(format!("{by} began a shift"), format!("{by} 开班")),
        FloorAct::SignedIn { who, way } => signed_in(who, way),
        FloorAct::SignedOut { who } => either(format!("{who} signed out"), format!("{who} 退出登录")),
        FloorAct::ChangedOver { slots, by, fixture, clearance, .. } => {
            changed_over(slots, &batch(), by, fixture.as_deref(), clearance.as_ref())
        }
        FloorAct::ArticleJudged { slot, why, accepted, by, note, .. } => {
            judged(*slot, *why, *accepted, by) + &said(note)
        }
        FloorAct::Stopped { slots: stopped, step: at, fails, .. } => {
            let (slots, batch, at) = (some_slots(stopped), batch(), step(*at));
            either(
                format!("{batch}, {slots}: stopped by {fails} fails in a row at “{at}”"),
                format!("{batch}，{slots}：在“{at}”连续 {fails} 次不合格，停线"),
            )
        }
        FloorAct::LetGo { slots: stopped, by, reason } => {
            let slots = some_slots(stopped);
            either(format!("{by} let {slots} go on"), format!("{by} 放行 {slots}")) + &said(reason)
        }
        FloorAct::Repaired { slots: mended, by, note } => {
            let slots = some_slots(mended);
            either(format!("{by} repaired {slots}"), format!("{by} 维修 {slots}")) + &said(note)
        }
        FloorAct::HandedOver { by, note, .. } => {
            either(format!("{by} handed the shift over"), format!("{by} 交班")) + &said(note)
        }
    }
}

fn signed_in(who: &str, way: &SignInWay) -> String {
    match way {
        SignInWay::Badge => either(format!("{who} signed in with a badge"), format!("{who} 刷工牌登录")),
        SignInWay::Pin => {
            either(format!("{who} signed in with number and PIN"), format!("{who} 用工号和密码登录"))
        }
        SignInWay::Vouch { lead } => {
            either(format!("{who} signed in, {lead} vouching"), format!("{who} 登录，由 {lead} 担保"))
        }
    }
}

fn changed_over(
    changed: &[u16],
    batch: &str,
    by: &str,
    fixture: Option<&str>,
    clearance: Option<&Clearance>,
) -> String {
    let slots = some_slots(changed);
    let mut text =
        either(format!("{by} changed {slots} over to {batch}"), format!("{by} 将 {slots}换产到 {batch}"));
    if let Some(fixture) = fixture {
        text += &either(format!("; fixture {fixture}"), format!("；治具 {fixture}"));
    }
    if let Some(cleared) = clearance {
        text += &clearance_of(cleared);
    }
    text
}

fn clearance_of(cleared: &Clearance) -> String {
    let count = |count: u32| numbers::count(count.into());
    let [came_in, pass, fail, rework, scrap] =
        [cleared.came_in, cleared.pass, cleared.fail, cleared.rework, cleared.scrap].map(count);
    let text = either(
        format!("; cleared before: {came_in} in, {pass} pass, {fail} fail, {rework} rework, {scrap} scrap"),
        format!("；清线：投入 {came_in}，合格 {pass}，不合格 {fail}，返工 {rework}，报废 {scrap}"),
    );
    let off = numbers::count(cleared.missing().unsigned_abs());
    text + &match cleared.missing() {
        0 => String::new(),
        1.. => either(format!(" – {off} missing"), format!("，缺少 {off}")),
        _ => either(format!(" – {off} too many"), format!("，多出 {off}")),
    }
}

fn judged(slot: u16, why: ArticleWhy, accepted: bool, by: &str) -> String {
    let slot = some_slots(&[slot]);
    let why = match why {
        ArticleWhy::ShiftStart => either("begin of the shift", "开班"),
        ArticleWhy::ChangeOver => either("change-over", "换产"),
        ArticleWhy::Repair => either("repair", "维修"),
        ArticleWhy::NewBundle => either("new bundle", "新程序包"),
    };
    let (en, zh) = if accepted { ("accepted", "合格") } else { ("rejected", "不合格") };
    either(
        format!("{by} {en} the first article of {slot} ({why})"),
        format!("{by} 判定 {slot}首件{zh}（{why}）"),
    )
}

/// What somebody noted, behind a sentence.
fn said(note: &str) -> String {
    let mark = either(": ", "：");
    if note.is_empty() { String::new() } else { format!("{mark}{note}") }
}

/// What a batch asks of the jigs; none where that is nothing.
pub fn floor_rules(rules: &FloorRules) -> Option<String> {
    let FloorRules { first_article, stop_after, references } = *rules;
    let parts = [
        (first_article > 0)
            .then(|| either(format!("first articles: {first_article}"), format!("首件 {first_article} 块"))),
        (stop_after > 0).then(|| {
            either(
                format!("stop after {stop_after} fails in a row"),
                format!("连续 {stop_after} 次不合格停线"),
            )
        }),
        references.then(|| either("references each shift", "每班检查标准样板").to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Who held a batch and why.
pub fn held_by(by: &str, reason: &str) -> String {
    either(format!("On hold by {by}: {reason}"), format!("{by} 暂停了该批次：{reason}"))
}

/// What is wrong with what was typed about somebody.
pub fn person_fault(fault: PersonFault) -> &'static str {
    let t = floor_texts();
    match fault {
        PersonFault::Username => t.wrong_username,
        PersonFault::Name => t.wrong_name,
        PersonFault::Number => t.wrong_number,
        PersonFault::Badge => t.wrong_badge,
        PersonFault::Pin => t.wrong_pin,
    }
}

/// A language in its own words.
pub fn language_name(language: Language) -> &'static str {
    match language {
        En => "English",
        Zh => "中文",
    }
}

fn either<T>(en: T, zh: T) -> T {
    match language() {
        En => en,
        Zh => zh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{
        api::floor::FloorEvent,
        ids::{BatchId, FloorEventId, StationId},
        step::Step,
    };
    use uuid::Uuid;

    fn told(act: FloorAct) -> String {
        floor_act(&FloorRow {
            station_id: StationId(Uuid::nil()),
            station_name: "jig-1".to_owned(),
            received_at: DateTime::UNIX_EPOCH,
            batch_name: Some("B-7".to_owned()),
            event: FloorEvent {
                event_id: FloorEventId(Uuid::nil()),
                at: DateTime::UNIX_EPOCH,
                shift_id: None,
                act,
            },
        })
    }

    #[test]
    fn what_was_done_reads_as_a_sentence() {
        let batch = BatchId(Uuid::nil());
        let cleared = Clearance { came_in: 218, pass: 213, fail: 3, rework: 1, scrap: 0 };
        let changed = FloorAct::ChangedOver {
            slots: vec![3, 1, 2, 5],
            to: batch,
            by: "lin".into(),
            fixture: Some("F-2".into()),
            clearance: Some(cleared),
        };
        assert_eq!(
            told(changed),
            "lin changed slots 1–3, 5 over to B-7; fixture F-2; cleared before: 218 in, 213 pass, 3 fail, 1 rework, 0 scrap – 1 missing"
        );
        let vouched = FloorAct::SignedIn { who: "lin".into(), way: SignInWay::Vouch { lead: "wei".into() } };
        assert_eq!(told(vouched), "lin signed in, wei vouching");
        let stopped = FloorAct::Stopped { slots: vec![2], batch_id: batch, step: Step::Measure, fails: 3 };
        assert!(told(stopped).starts_with("B-7, slot 2: stopped by 3 fails in a row at “"));
        let let_go = FloorAct::LetGo { slots: vec![2], by: "wei".into(), reason: "pin 4 was bent".into() };
        assert_eq!(told(let_go), "wei let slot 2 go on: pin 4 was bent");
    }

    #[test]
    fn what_a_batch_asks_of_jigs_is_said_or_nothing_is() {
        assert_eq!(floor_rules(&FloorRules::default()), None);
        let asked = floor_rules(&FloorRules { references: true, ..FloorRules::OF_FORM });
        assert_eq!(
            asked.as_deref(),
            Some("first articles: 1 · stop after 3 fails in a row · references each shift")
        );
    }
}
