//! Words of a run's wire log.

use super::language;
use domain::{
    api::wire_log::StationNow,
    text::Language::{En, Zh},
};

domain::texts! {
    title: "On the line", "通信报文";
    show: "Show what passed over the line", "显示通信报文";
    at_station: "The log is not here. Runs that did not pass send theirs by themselves; of others the station keeps it for some weeks.", "服务器上没有该日志。未通过的运行会自动上传；其他运行的日志在工站保留数周。";
    fetch: "Fetch it from the station", "从工站取回";
    ask_others: "Quality, engineers and administrators can have it fetched.", "品质、工程师和管理员可以取回。";
    gone: "The station has it no more", "工站已不再保存";
    ask_again: "Ask once more", "再次请求";
    damaged: "The log is damaged; do not trust its last frames.", "日志已损坏，最后的报文不可信。";
    keys: "Keys, once you clicked in here: j k a frame, Page up and down a step, Home, End. Passwords never stand in it.", "点击此处后可用按键：j k 逐帧，PageUp/PageDown 逐步骤，Home、End。日志中没有密码。";
}

pub fn wire_texts() -> &'static Texts {
    match language() {
        En => &EN,
        Zh => &ZH,
    }
}

/// Who waits since when.
pub fn fetched_by(who: &str, at: &str) -> String {
    match language() {
        En => format!("Asked for by {who}, {at}."),
        Zh => format!("{who} 于 {at} 请求。"),
    }
}

/// For whom; `heard`: when a station that is away was last heard of.
pub fn waits_for(name: &str, station: StationNow, heard: Option<&str>) -> String {
    match (language(), station, heard) {
        (En, StationNow::Connected, _) => format!("Waiting for {name}: it is connected and sends it next."),
        (En, StationNow::Frozen, _) => {
            format!("Waiting for {name}, which is frozen: it is asked once an administrator has freed it.")
        }
        (En, StationNow::Away, Some(heard)) => {
            format!("Waiting for {name}, which is away: last heard of {heard}. It sends it when it is back.")
        }
        (En, StationNow::Away, None) => {
            format!("Waiting for {name}, which is away. It sends it when it is back.")
        }
        (Zh, StationNow::Connected, _) => format!("等待 {name}：已连接，即将发送。"),
        (Zh, StationNow::Frozen, _) => format!("等待 {name}：已冻结，管理员解冻后才会请求。"),
        (Zh, StationNow::Away, Some(heard)) => {
            format!("等待 {name}：已离线，最后联系时间 {heard}，恢复后发送。")
        }
        (Zh, StationNow::Away, None) => format!("等待 {name}：已离线，恢复后发送。"),
    }
}

/// Why a station has no log.
pub fn gone_since(station: &str, days: u32, megabytes: u32, said: &str) -> String {
    match (language(), days.min(megabytes)) {
        (En, 0) => format!("{station} said so {said}: it is set to keep no logs."),
        (En, _) => format!(
            "{station} said so {said}: it keeps logs for {days} days and {megabytes} MB of them; a run that ended with its program has none."
        ),
        (Zh, 0) => format!("{station} 于 {said} 答复：设置为不保存日志。"),
        (Zh, _) => format!(
            "{station} 于 {said} 答复：日志保留 {days} 天、共 {megabytes} MB；随程序中断的运行没有日志。"
        ),
    }
}
