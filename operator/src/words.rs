//! The page's catalogue, English and Chinese side by side. Faults and steps have theirs in `domain::text`.

pub use browser::language::{language, pick};
use domain::{api::operator::FloorRefusal, floor::ArticleWhy, outcome::Outcome, text::Language};

domain::texts! {
    name_product: "Jigline", "Jigline";
    put_board_in: "put a board in", "请放入板子";
    no_picture: "Connecting to the station", "正在连接工站";
    lost: "no contact with the station: what is shown is old", "与工站失去联系：所示内容已过时";
    for_seconds: "s", "秒";
    pass: "PASS", "合格";
    fail: "FAIL", "不合格";
    error: "BENCH", "故障";
    aborted: "ABORTED", "中止";
    interrupted: "STOPPED", "中断";
    refused: "not worked", "未处理";
    broken: "slot closed", "插槽停用";
    waits: "waits", "等待";
    take_out_next: "take it out, next board", "请取出，放入下一块";
    take_out_red: "→ red bin", "→ 放入红色料箱";
    batch: "Batch", "批次";
    batches: "batches", "个批次";
    no_batch: "no batch is assigned", "未分配批次";
    firmware: "fw", "固件";
    yield_word: "yield", "合格率";
    an_hour: "/h", "/时";
    on_this_jig: "on this jig in this shift", "本治具，本班次";
    all_on_server: "all records on the server", "记录已全部上传";
    waiting_records: "records kept here", "条记录暂存本机";
    server_away: "server away: work on", "服务器离线：可继续生产";
    last_fails: "Last boards that did not pass", "最近未通过的板子";
    none_failed: "none yet", "暂无";
    slot: "Slot", "插槽";
    yes: "Yes", "是";
    no: "No", "否";
    send: "Send", "提交";
    scan_it: "scan it now", "请扫码";
    from: "from", "从";
    up_to: "to", "至";
    not_a_number: "type a number", "请输入数字";
    tries_left: "tries left", "次剩余";
    which_slot: "which slot? scan the slot's own code first (SLOT-1, SLOT-2 …), or touch it", "请先扫插槽条码（SLOT-1、SLOT-2……），或点选插槽";
    chosen: "the next scan is for this slot", "下一次扫码归此插槽";
    no_such_slot: "there is no such slot", "没有该插槽";
    scanned: "scanned", "已扫码";
    not_taken: "the station did not take it: try again", "工站未接收：请重试";
    sound_off: "sound is off: touch here", "声音未开启：请点此处";
    sound_on: "Sound is on", "声音已开启";
    pedal_hint: "F9 yes · F10 no", "F9 是 · F10 否";
    set_up: "Set-up", "设置";
    detail: "Voltage, current and line of this slot", "本插槽的电压、电流与报文";
    stick_it: "stick its label on, scan it", "请贴标并扫码";
    stick_here: "stick {} here, scan it", "将 {} 贴在此处并扫码";
    label_coming: "its label is coming", "标签打印中";
    label_spoilt: "torn: print again", "标签损坏：重打";
    label_lost: "none came: print again", "未打出：重打";
    label_later: "label later", "稍后贴标";
    label_waits: "printing", "打印中";
    print_again: "print again", "重打";
    unlabelled: "Without a label", "未贴标";
    labels_ahead: "Labels for the next boards", "后续板的标签";
    left_over: "Left over: destroy these labels", "剩余标签，请销毁";
    destroyed: "destroyed", "已销毁";
    stick_and_scan: "stick each and scan it", "贴好后逐一扫码";
    label_printer: "Label printer", "标签打印机";
    paper_out: "out of labels: put a roll in; slots go on", "标签纸用尽：请装纸；插槽继续工作";
    head_open: "its head is open: close it; slots go on", "打印头打开：请合上；插槽继续工作";
    ribbon_out: "out of ribbon: put one in; slots go on", "碳带用尽：请更换；插槽继续工作";
    printer_paused: "paused: press its button; slots go on", "已暂停：请按打印机按键；插槽继续工作";
    printer_jammed: "jammed: clear it; slots go on", "卡纸：请清理；插槽继续工作";
    printer_away: "it does not answer: look at its plug and cable; slots go on", "无应答：请检查电源和网线；插槽继续工作";
    theme: "Theme", "主题";
    other_language: "中文", "English";
    cell: "Cell", "单体";
    pace_hint: "passed within an hour (had no slot waited for a hand · what the wire alone would allow)", "一小时内合格数（若无等待人手 · 通信线极限）";
    pace_hands: "no waiting", "无等待";
    pace_wire: "wire", "通信极限";
    sign_in: "Sign in", "登录";
    sign_out: "Sign out", "退出登录";
    scan_badge: "Scan your badge, or:", "请扫描工牌，或输入：";
    number: "Number", "工号";
    pin: "PIN", "PIN";
    vouch: "A lead vouches…", "班长担保…";
    vouch_title: "A lead says who it is", "由班长确认身份";
    person: "Person", "人员";
    choose_person: "choose who it is first", "请先选择人员";
    lead_signs: "Lead: scan your badge, or:", "班长：请扫描工牌，或输入：";
    sign_with_badge: "Sign: scan your badge, or:", "签字：请扫描工牌，或输入：";
    sign: "Sign", "签字";
    works_here: "works here now", "已登录本治具";
    another_person: "Somebody else…", "换人…";
    shift: "Shift", "班次";
    since: "since", "开始于";
    hand_over: "Hand the shift over", "交班";
    hand_over_note: "What the next shift should know", "交接说明";
    handed_over: "the shift is handed over", "已交班";
    otherwise: "otherwise", "其他";
    still_open: "Still open", "未完事项";
    print: "Print", "打印";
    close: "Close", "关闭";
    part_missing: "this part can't be loaded: load the page again", "该部分无法加载：请刷新页面";
    note: "Note", "备注";
    reason: "Reason", "原因";
    first_article: "First article", "首件";
    article_of: "first article", "首件";
    article_accepted: "first article accepted", "首件已通过";
    article_refused: "first article refused: make new ones", "首件未通过：请重新制作";
    accept: "Accept", "通过";
    refuse: "Refuse", "不通过";
    show_sheet: "Sheet and signature", "首件单与签字";
    parameters_held: "parameters held", "项参数保持";
    signature: "Signature", "签字";
    let_go: "Let it go on", "放行";
    repaired: "Fixture repaired…", "治具已维修…";
    what_was_done: "What was done", "维修内容";
    write_down: "Write it down", "登记";
    slots: "Slots", "插槽";
    change_over: "Change over", "换线";
    changed_over: "changed over to", "已换线至";
    count_first: "another product: count and finish at the foot of the page", "产品不同：请在页面下方清点并完成换线";
    still_working: "still working", "仍在作业";
    came_in: "Came in", "投入";
    clear_pass: "Pass", "合格";
    clear_fail: "Fail", "不合格";
    clear_rework: "Rework", "返工";
    clear_scrap: "Scrap", "报废";
    count_all: "count everything", "请全部清点";
    adds_up: "adds up", "数量相符";
    boards_missing: "boards missing", "块缺失";
    boards_too_many: "boards too many", "块多出";
    calibration_correction: "Calibration's correction", "校准修正量";
    calibrated_current: "Current after calibration", "校准后电流";
    fixture_code: "Fixture: scan its code", "治具：请扫描编号";
    give_up: "Give it up", "取消";
    references_wanted: "Put the reference boards in first", "请先校验标准样板";
    why_shift: "begin of shift", "班次开始";
    why_change_over: "change-over", "换线";
    why_repair: "fixture repaired", "治具维修";
    why_bundle: "new bundle", "新发布包";
    no_credential: "nobody has that badge, or that number with that PIN", "工牌或工号/PIN 不正确";
    too_many_tries: "too many were wrong: wait a minute", "错误次数过多：请等待一分钟";
    may_not_decide: "that is for quality or a delegated lead", "仅限质量人员或授权班长";
    nobody_signed_in: "nobody is signed in", "无人登录";
    no_such_person: "nobody is called so here", "没有该人员";
    order_held: "quality holds that batch", "该批次已被质量暂停";
    needs_server: "the server has to know and is away: work on, scan the order again later", "需要服务器确认，但服务器离线：请继续生产，稍后重扫工单";
    server_refuses: "the server refuses: look at the batches page", "服务器拒绝：请查看批次页面";
    nothing_open: "nothing of that kind is open any more", "已无此待办事项";
    clearance_differs: "what came in is not all accounted for: count again", "投入数与去向不符：请重新清点";
    fixture_differs: "that is another fixture than this jig is set up with: put the right one on", "与本治具设置不符：请更换为正确的治具";
    fixture_unfit: "that product does not fit into this jig's fixture: put the right one on", "该产品不适用于本治具：请更换治具";
    fixture_missing: "scan the fixture's code", "请扫描治具编号";
    not_the_sheet: "these are not the boards that wait: open the sheet again", "首件已变化：请重新打开首件单";
    reason_missing: "write down why", "请填写原因";
    not_written: "the station's disk did not take it: call a technician", "工站磁盘写入失败：请联系技术人员";
    fixture: "fixture", "治具";
    nest: "nest", "夹具";
    calibrated_until: "calibrated until", "校准有效至";
    reference_overdue: "proves nothing: to be confirmed by", "无效：应复核日期";
    reference_worn_out: "proves nothing: uses", "无效：已用次数";
    reference_due: "to be confirmed by", "须复核日期";
    reference_uses: "uses", "已用次数";
    ask_quality: "ask quality", "请联系质量部门";
}

pub fn texts() -> &'static Texts {
    match language() {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

impl Texts {
    pub fn why(&self, why: ArticleWhy) -> &'static str {
        match why {
            ArticleWhy::ShiftStart => self.why_shift,
            ArticleWhy::ChangeOver => self.why_change_over,
            ArticleWhy::Repair => self.why_repair,
            ArticleWhy::NewBundle => self.why_bundle,
        }
    }

    pub fn refusal(&self, refusal: FloorRefusal) -> &'static str {
        match refusal {
            FloorRefusal::WrongCredential => self.no_credential,
            FloorRefusal::TooManyTries => self.too_many_tries,
            FloorRefusal::MayNotDecide => self.may_not_decide,
            FloorRefusal::NobodySignedIn => self.nobody_signed_in,
            FloorRefusal::NoSuchPerson => self.no_such_person,
            FloorRefusal::OrderHeld => self.order_held,
            FloorRefusal::ServerAway => self.needs_server,
            FloorRefusal::ServerRefuses => self.server_refuses,
            FloorRefusal::NothingOpen => self.nothing_open,
            FloorRefusal::ClearanceDiffers => self.clearance_differs,
            FloorRefusal::FixtureMissing => self.fixture_missing,
            FloorRefusal::FixtureDiffers => self.fixture_differs,
            FloorRefusal::FixtureUnfit => self.fixture_unfit,
            FloorRefusal::NotTheSheet => self.not_the_sheet,
            FloorRefusal::ReasonMissing => self.reason_missing,
            FloorRefusal::NoSlot => self.no_such_slot,
            FloorRefusal::NotWritten => self.not_written,
        }
    }
    pub fn verdict(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Pass => self.pass,
            Outcome::Fail => self.fail,
            Outcome::Error | Outcome::CollateralAbort => self.error,
            Outcome::Aborted => self.aborted,
            Outcome::Interrupted => self.interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        assert_eq!(Texts::untranslated(), ["name_product", "other_language", "pin"]);
    }
}
