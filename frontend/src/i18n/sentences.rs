//! Sentences with figures, and the words of the domain's own kinds. A match over the language is whole or does not build.

use super::{Texts, language, texts};
use crate::chart::cells::cell_name;
use domain::{
    admission::UnitActKind,
    api::problem::Problem,
    api::quota::NumberCounts,
    evidence::{Evidence, FirmwareEvidence},
    identifier::IdentifierKind,
    lease::BirthLease,
    model::Provenance,
    number_list::ListProblem,
    outcome::Outcome,
    procedure::{MeasureWhen, MeasurementSource},
    profile::Chemistry,
    role::Role,
    text::Language,
};

impl Texts {
    pub fn outcome(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Pass => self.pass,
            Outcome::Fail => self.fail,
            Outcome::Error => self.error,
            Outcome::Aborted => self.aborted,
            Outcome::Interrupted => self.interrupted,
            Outcome::CollateralAbort => self.collateral_abort,
        }
    }

    pub fn verdict(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Pass => self.verdict_pass,
            Outcome::Fail => self.verdict_fail,
            Outcome::Error => self.verdict_error,
            Outcome::Aborted => self.verdict_aborted,
            Outcome::Interrupted => self.verdict_interrupted,
            Outcome::CollateralAbort => self.verdict_collateral,
        }
    }

    pub fn identifier(&self, kind: IdentifierKind) -> &'static str {
        match kind {
            IdentifierKind::Serial => self.serial,
            IdentifierKind::MachineCode => self.machine_code,
            IdentifierKind::BluetoothAddress => self.bluetooth_address,
            IdentifierKind::BluetoothName => self.bluetooth_name,
            IdentifierKind::PcbLabel => self.pcb_label,
            IdentifierKind::CustomerSerial => self.customer_serial,
            IdentifierKind::PackSerial => self.pack_serial,
        }
    }

    pub fn evidence_of(&self, evidence: Evidence) -> &'static str {
        match evidence {
            Evidence::Verified => self.evidence_verified,
            Evidence::Read => self.evidence_read,
            Evidence::Claimed => self.evidence_claimed,
        }
    }

    pub fn grade(&self, evidence: FirmwareEvidence) -> &'static str {
        match evidence {
            FirmwareEvidence::TransferOnly => self.grade_transfer_only,
            FirmwareEvidence::VersionOnly => self.grade_version_only,
            FirmwareEvidence::OwnRecord => self.grade_own_record,
            FirmwareEvidence::UploadCompared => self.grade_upload_compared,
            FirmwareEvidence::BoardCrc => self.grade_board_crc,
        }
    }

    pub fn lease_mode(&self, mode: BirthLease) -> &'static str {
        match mode {
            BirthLease::Open => self.lease_open,
            BirthLease::Armed => self.lease_armed,
            BirthLease::Locked => self.lease_locked,
        }
    }

    pub fn chemistry_of(&self, chemistry: Chemistry) -> &'static str {
        match chemistry {
            Chemistry::LiIon => self.li_ion,
            Chemistry::LiFePo4 => self.li_fe_po4,
            Chemistry::Lto => self.lto,
        }
    }

    pub fn provenance(&self, provenance: Provenance) -> &'static str {
        match provenance {
            Provenance::Published => self.provenance_published,
            Provenance::Captured => self.provenance_captured,
            Provenance::Assumed => self.provenance_assumed,
        }
    }

    pub fn source(&self, source: MeasurementSource) -> &'static str {
        match source {
            MeasurementSource::BoardKnownStimulus => self.source_known,
            MeasurementSource::Board => self.source_board,
            MeasurementSource::Instrument => self.source_instrument,
            MeasurementSource::Operator => self.source_operator,
        }
    }

    pub fn when(&self, when: MeasureWhen) -> &'static str {
        match when {
            MeasureWhen::AtRest => self.when_at_rest,
            MeasureWhen::UnderLoad => self.when_under_load,
            MeasureWhen::AfterRestart => self.when_after_restart,
        }
    }
}

/// An act, as it stands on its button.
pub fn act(act: UnitActKind) -> &'static str {
    use UnitActKind as A;
    match (act, language()) {
        (A::Hold, Language::En) => "Put on hold",
        (A::Hold, Language::Zh) => "停用",
        (A::Release, Language::En) => "Release",
        (A::Release, Language::Zh) => "解除停用",
        (A::Ship, Language::En) => "Mark shipped",
        (A::Ship, Language::Zh) => "登记发货",
        (A::TakeBack, Language::En) => "Take back",
        (A::TakeBack, Language::Zh) => "登记退回",
        (A::Rework, Language::En) => "Enter rework",
        (A::Rework, Language::Zh) => "登记返工",
        (A::OrderRerun, Language::En) => "Order once more",
        (A::OrderRerun, Language::Zh) => "下达再次作业指令",
        (A::LeaveBatch, Language::En) => "Out of its batch",
        (A::LeaveBatch, Language::Zh) => "移出批次",
    }
}

/// An act, as it stands once it is done.
pub fn act_done(act: UnitActKind) -> &'static str {
    use UnitActKind as A;
    match (act, language()) {
        (A::Hold, Language::En) => "on hold",
        (A::Hold, Language::Zh) => "已停用",
        (A::Release, Language::En) => "released",
        (A::Release, Language::Zh) => "已解除停用",
        (A::Ship, Language::En) => "shipped",
        (A::Ship, Language::Zh) => "已发货",
        (A::TakeBack, Language::En) => "taken back",
        (A::TakeBack, Language::Zh) => "已退回",
        (A::Rework, Language::En) => "reworked",
        (A::Rework, Language::Zh) => "已返工",
        (A::OrderRerun, Language::En) => "once more, by order",
        (A::OrderRerun, Language::Zh) => "按指令再次作业",
        (A::LeaveBatch, Language::En) => "out of its batch",
        (A::LeaveBatch, Language::Zh) => "已移出批次",
    }
}

/// What an act brings about.
pub fn act_why(act: UnitActKind) -> &'static str {
    use UnitActKind as A;
    match (act, language()) {
        (A::Hold, Language::En) => {
            "Every jig refuses it, and a pass that a station makes off line all the same is not believed."
        }
        (A::Hold, Language::Zh) => "所有工站都会拒绝；工站离线期间仍做出的合格不予认可。",
        (A::Release, Language::En) => "Jigs let it in again as before.",
        (A::Release, Language::Zh) => "工站恢复接收。",
        (A::Ship, Language::En) => "It has left the factory: every jig refuses it.",
        (A::Ship, Language::Zh) => "已离开工厂：所有工站都会拒绝。",
        (A::TakeBack, Language::En) => {
            "It is here again. What passed stays passed until it is ordered once more."
        }
        (A::TakeBack, Language::Zh) => "已退回工厂。合格状态保留，再次作业需下达指令。",
        (A::Rework, Language::En) => "Its fails in a row are counted from here anew.",
        (A::Rework, Language::Zh) => "连续不合格次数从此重新计算。",
        (A::OrderRerun, Language::En) => {
            "One run: it passes or fails, and the order is used up. The earlier pass stays in its life."
        }
        (A::OrderRerun, Language::Zh) => "仅限一次：得出合格或不合格即用掉。之前的合格记录保留在履历中。",
        (A::LeaveBatch, Language::En) => {
            "A jig of any batch that fits lets it in, and that batch has it then."
        }
        (A::LeaveBatch, Language::Zh) => "任何适用批次的工站都可接收，之后归该批次所有。",
    }
}

/// A person's job.
pub fn role(role: Role) -> &'static str {
    match (role, language()) {
        (Role::Operator, Language::En) => "operator",
        (Role::Operator, Language::Zh) => "操作员",
        (Role::Engineer, Language::En) => "engineer",
        (Role::Engineer, Language::Zh) => "工程师",
        (Role::Quality, Language::En) => "quality",
        (Role::Quality, Language::Zh) => "质量",
        (Role::Sales, Language::En) => "sales",
        (Role::Sales, Language::Zh) => "销售",
        (Role::Admin, Language::En) => "admin",
        (Role::Admin, Language::Zh) => "管理员",
    }
}

/// Problems whose sentence the page knows in both languages; the server's own sentence stands otherwise.
pub fn problem(problem: &Problem) -> String {
    let known = match (problem.code.as_str(), language()) {
        (_, Language::En) => None,
        ("wrong_credentials", Language::Zh) => Some("用户名或密码不正确，请重新输入。"),
        ("not_signed_in", Language::Zh) => Some("尚未登录，请先登录。"),
        ("forbidden", Language::Zh) => Some("您的角色无权执行此操作。"),
        ("not_found", Language::Zh) => Some("没有找到所请求的内容。"),
        ("on_hold", Language::Zh) => Some("该单体已停用，请先解除停用。"),
        ("not_on_hold", Language::Zh) => Some("该单体未停用。"),
        ("shipped", Language::Zh) => Some("该单体已发货，请先登记退回。"),
        ("not_shipped", Language::Zh) => Some("该单体未发货。"),
        ("not_passed", Language::Zh) => Some("该单体最近一次判定不是合格。"),
        ("ended", Language::Zh) => Some("该标准样板已停用。"),
        ("rerun_open", Language::Zh) => Some("已有一条未用掉的再次作业指令。"),
        ("left_batch", Language::Zh) => Some("该单体已不属于任何批次。"),
        ("enrolled", Language::Zh) => {
            Some("已有同名工站，且已有电脑登记。请换一个名称，或在其页面上更换工站。")
        }
        ("numbers_lent", Language::Zh) => Some("该批次的编号已借给工站，不能再更换清单。"),
        ("not_listed", Language::Zh) => Some("该编号由规则生成，无需释放。"),
        ("bound", Language::Zh) => Some("有板或记录使用了该编号，不能释放。"),
        ("in_hand", Language::Zh) => {
            Some("借得该编号的工站仍可能使用它；请先解除冻结或更换该工站，或核销其份额。")
        }
        ("internal", Language::Zh) => Some("服务器内部错误，请稍后重试并告知管理员。"),
        (_, Language::Zh) => None,
    };
    known.map_or_else(|| problem.detail.clone(), str::to_owned)
}

/// `213 of 500`.
pub fn of_total(done: &str, total: &str) -> String {
    match language() {
        Language::En => format!("{done} of {total}"),
        Language::Zh => format!("{done} / {total}"),
    }
}

/// How long ago: `12 s`, `3 min`, `2 h`, `5 days`.
pub fn age(seconds: u64) -> String {
    let (number, en, zh) = match seconds {
        0..120 => (seconds, "s", "秒"),
        120..7200 => (seconds / 60, "min", "分钟"),
        7200..172_800 => (seconds / 3600, "h", "小时"),
        _ => (seconds / 86_400, "days", "天"),
    };
    match language() {
        Language::En => format!("{number} {en}"),
        Language::Zh => format!("{number} {zh}"),
    }
}

/// What a page without connection still shows.
pub fn shown_as_of(age: &str) -> String {
    match language() {
        Language::En => format!("What you see is {age} old."),
        Language::Zh => format!("当前显示的是 {age}前的数据。"),
    }
}

/// Slots by their numbers.
pub fn slots(numbers: &str) -> String {
    match language() {
        Language::En => format!("Slots {numbers}:"),
        Language::Zh => format!("工位 {numbers}："),
    }
}

/// A station that has gone quiet.
pub fn no_word_for(age: &str) -> String {
    match language() {
        Language::En => format!("no word for {age}"),
        Language::Zh => format!("已 {age}没有消息"),
    }
}

/// Records that wait on the station's disk.
pub fn unsent(records: u64) -> String {
    match language() {
        Language::En => format!("{records} not yet on server"),
        Language::Zh => format!("{records} 条记录待上传"),
    }
}

/// Records held but not accepted.
pub fn quarantined(records: u64) -> String {
    match language() {
        Language::En => format!("{records} in quarantine"),
        Language::Zh => format!("{records} 条在隔离区"),
    }
}

/// `3 min ago`.
pub fn ago(age: &str) -> String {
    match language() {
        Language::En => format!("{age} ago"),
        Language::Zh => format!("{age}前"),
    }
}

/// Whom a code is for.
pub fn code_for(station: &str) -> String {
    match language() {
        Language::En => format!("Code for {station}"),
        Language::Zh => format!("{station} 的登记码"),
    }
}

/// What a code is good for.
pub fn code_terms(until: &str) -> String {
    match language() {
        Language::En => {
            format!("It is shown this once, and is good for one machine until {until}. On the PC at the jig:")
        }
        Language::Zh => format!("仅显示这一次，只能用于一台电脑，有效至 {until}。在工位电脑上："),
    }
}

/// Until when a code that was given out may be used.
pub fn code_until(until: &str) -> String {
    match language() {
        Language::En => format!("code until {until}"),
        Language::Zh => format!("登记码有效至 {until}"),
    }
}

/// Numbers that the server does not hold: `12: 3, 5–14`; `more` where there are further ranges.
pub fn missing_numbers(count: &str, ranges: &str, more: bool) -> String {
    match (language(), more) {
        (Language::En, false) => format!("{count}: {ranges}"),
        (Language::En, true) => format!("{count}: {ranges} and more"),
        (Language::Zh, false) => format!("{count} 条：{ranges}"),
        (Language::Zh, true) => format!("{count} 条：{ranges} 等"),
    }
}

/// How many parameters, and what proves them.
pub fn parameters_proved(verified: usize, all: usize) -> String {
    match (language(), verified == all) {
        (Language::En, true) => format!("{all}, all verified after restart"),
        (Language::En, false) => format!("{verified} of {all} verified after restart"),
        (Language::Zh, true) => format!("{all} 项，全部在重启后验证"),
        (Language::Zh, false) => format!("{all} 项中 {verified} 项在重启后验证"),
    }
}

/// What 'differences only' leaves out.
pub fn unchanged_hidden(number: usize) -> String {
    match language() {
        Language::En => format!("{number} stood as wanted before and are not shown"),
        Language::Zh => format!("另有 {number} 项原值已符合，未显示"),
    }
}

/// A lease in one line: `locked`, `leased to 2027-05-31`.
pub fn lease_until(mode: BirthLease, until: Option<&str>) -> String {
    let word = texts().lease_mode(mode);
    match (language(), mode, until) {
        (_, _, None) => word.to_owned(),
        (Language::En, BirthLease::Armed, Some(day)) => format!("leased to {day}"),
        (Language::Zh, BirthLease::Armed, Some(day)) => format!("租至 {day}"),
        (Language::En, _, Some(day)) => format!("{word} to {day}"),
        (Language::Zh, _, Some(day)) => format!("{word}至 {day}"),
    }
}

/// Blocks sent again during the transfer.
pub fn blocks_again(blocks: u32) -> String {
    match (language(), blocks) {
        (Language::En, 1) => "1 block sent again".to_owned(),
        (Language::En, _) => format!("{blocks} blocks sent again"),
        (Language::Zh, _) => format!("{blocks} 块重发"),
    }
}

/// `8 digits`, of a secret whose text is nowhere.
pub fn digits(length: u8) -> String {
    match language() {
        Language::En => format!("{length} characters"),
        Language::Zh => format!("{length} 位"),
    }
}

/// Where a run was: `jig-1 · slot 3`.
pub fn at_slot(station: &str, slot: u16) -> String {
    format!("{station} · {}", slot_number(slot))
}

/// `slot 3`.
pub fn slot_number(slot: u16) -> String {
    match language() {
        Language::En => format!("slot {slot}"),
        Language::Zh => format!("工位 {slot}"),
    }
}

/// `12 runs`.
pub fn runs(number: &str) -> String {
    match (language(), number) {
        (Language::En, "1") => "1 run".to_owned(),
        (Language::En, _) => format!("{number} runs"),
        (Language::Zh, _) => format!("{number} 次运行"),
    }
}

/// `jig-1: 12 shares`.
pub fn shares_of(station: &str, shares: u64) -> String {
    match (language(), shares) {
        (Language::En, 1) => format!("{station}: 1 share"),
        (Language::En, _) => format!("{station}: {shares} shares"),
        (Language::Zh, _) => format!("{station}：{shares} 份"),
    }
}

/// What became of a batch's numbers so far.
pub fn number_counts(counts: &NumberCounts) -> String {
    let NumberCounts { listed, lent, bound, scanned } = *counts;
    match (language(), listed) {
        (Language::En, _) if scanned => format!("scanned from labels, {bound} on boards"),
        (Language::Zh, _) if scanned => format!("扫描标签，已用于板 {bound}"),
        (Language::En, None) => format!("{lent} lent, {bound} on boards"),
        (Language::En, Some(listed)) => format!("{listed} on the list, {lent} lent, {bound} on boards"),
        (Language::Zh, None) => format!("已借出 {lent}，已用于板 {bound}"),
        (Language::Zh, Some(listed)) => format!("清单 {listed}，已借出 {lent}，已用于板 {bound}"),
    }
}

/// What a list holds that nothing is wrong with.
pub fn list_sound(count: &str, first: &str, last: &str) -> String {
    match language() {
        Language::En => format!("{count} numbers, from {first} to {last}"),
        Language::Zh => format!("{count} 个编号，从 {first} 到 {last}"),
    }
}

/// How much is wrong with a list; nothing of it is taken.
pub fn list_faults(count: usize) -> String {
    match (language(), count) {
        (Language::En, 1) => "1 fault; nothing was taken".to_owned(),
        (Language::En, _) => format!("{count} faults; nothing was taken"),
        (Language::Zh, _) => format!("{count} 处错误；未接收任何编号"),
    }
}

/// Faults that are not shown one by one.
pub fn and_more(count: usize) -> String {
    match language() {
        Language::En => format!("and {count} more"),
        Language::Zh => format!("另有 {count} 处"),
    }
}

/// `line 3`.
pub fn line_number(line: usize) -> String {
    match language() {
        Language::En => format!("line {line}"),
        Language::Zh => format!("第 {line} 行"),
    }
}

/// What is wrong with a line.
pub fn list_problem(problem: &ListProblem) -> String {
    domain::text::list_problem_text(language(), problem)
}

/// When a report was printed.
pub fn printed(at: &str) -> String {
    match language() {
        Language::En => format!("Printed {at}"),
        Language::Zh => format!("打印于 {at}"),
    }
}

/// A measurement that has no title of its own: a cell by its number, and what the line itself adds to a procedure.
pub fn measurement(name: &str) -> String {
    let t = texts();
    match (name, cell_name(name)) {
        ("calibration_correction", _) => t.calibration_correction.to_owned(),
        ("calibrated_current", _) => t.calibrated_current.to_owned(),
        (_, Some(("cell_temperature", number))) => format!("{} {number}", t.cell_temperature),
        (_, Some((prefix, number))) if prefix.ends_with("under_load") => {
            format!("{} {number} {}", t.cell, t.when_under_load)
        }
        (_, Some((_, number))) => format!("{} {number}", t.cell),
        _ => name.to_owned(),
    }
}
