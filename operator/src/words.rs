//! The page's catalogue, English and Chinese side by side. Faults and steps have theirs in `domain::text`.

pub use browser::language::{language, pick};
use domain::{outcome::Outcome, text::Language};

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
    take_out_next: "take it out, next board", "请取出，放入下一块";
    take_out_red: "→ red bin", "→ 放入红色料箱";
    batch: "Batch", "批次";
    batches: "batches", "个批次";
    no_batch: "no batch is assigned", "未分配批次";
    firmware: "fw", "固件";
    yield_word: "yield", "合格率";
    an_hour: "/h", "/时";
    on_this_jig: "on this jig since the program began", "本治具，自程序启动以来";
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
}

pub fn texts() -> &'static Texts {
    match language() {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

impl Texts {
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
        for ((key, en), (_, zh)) in EN.all().into_iter().zip(ZH.all()) {
            assert!(!en.trim().is_empty() && !zh.trim().is_empty(), "{key}");
            let chinese = zh.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
            assert!(chinese || ["name_product", "other_language"].contains(&key), "{key}: {zh}");
        }
    }
}
