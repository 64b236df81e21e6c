//! The set-up page's catalogue. Findings have theirs in `domain::doctor`.

pub use browser::language::{language, pick};
use chrono::{DateTime, Utc};
use domain::text::Language;

domain::texts! {
    title: "Set-up of this PC", "本机设置";
    back: "Slots", "插槽";
    looked_at: "looked at", "检查时间";
    look_again: "Look again", "重新检查";
    looking: "Looking at this PC", "正在检查本机";
    lost: "no contact with the station: what is shown is old", "与工站失去联系：所示内容已过时";
    theme: "Theme", "主题";
    other_language: "中文", "English";
    all_good: "Everything looked at is in order", "所检查的项目全部正常";
    in_order: "In order", "正常项目";
    slot: "Slot", "插槽";
    ports: "Ports and slots", "端口与插槽";
    port: "Port", "端口";
    standing: "Standing", "状态";
    free_ports: "Adapters that belong to no slot", "未分配给插槽的适配器";
    about_ports: "A port is known by the place that its adapter is plugged into and by the hubs on the way. Where another adapter or hub is there, or two that look alike were unplugged together, the slot begins no board until its port is proved.", "端口按适配器所插位置及途经的集线器识别。若该处换了适配器或集线器，或两个相同的适配器曾同时拔下，则在验证端口之前该插槽不会开始任何板子。";
    proved: "proved", "已验证";
    fixed: "fixed", "固定";
    named: "named in the settings, not proved", "设置指定，未验证";
    missing: "not plugged in", "未插入";
    doubted: "shut: to be proved", "停用：待验证";
    prove: "Prove", "验证";
    which_port: "which port is it?", "接在哪个端口？";
    switch_it: "Switch the supply of this slot's board off, wait three seconds, switch it on again. Or unplug its adapter and plug it in again. Leave all others alone.", "请将该插槽板子断电，等待三秒后再上电；或拔下其适配器再插回。请勿动其他插槽。";
    nobody_answers: "No board answers yet: put one in, or use the adapter.", "尚无板子应答：请放入板子，或拔插适配器。";
    answers_at: "Boards answer at the ports of slots", "有板子应答的插槽端口：";
    is_away: "away now:", "已断开：";
    now_back: " – now on again", " – 请重新接上";
    several: "More than one port went away:", "多个端口同时断开：";
    one_alone: "Let all come back, then switch this slot's board alone.", "请全部恢复，然后只操作该插槽。";
    it_was: "It is", "实际端口：";
    so_far_slot: "so far the port of slot", "目前属于插槽";
    so_far_slot_end: ". That slot has to be proved then.", "，该插槽随后需重新验证。";
    so_far_nobody: "so far nobody's.", "目前未分配。";
    bind: "Bind slot", "将插槽";
    bind_end: " to it", " 绑定到此端口";
    give_up: "End the proof", "结束验证";
}

pub fn texts() -> &'static Texts {
    match language() {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

/// By this PC's zone, as its clock on the wall.
pub fn time(at: DateTime<Utc>) -> String {
    let offset = js_sys::Date::new(&(at.timestamp_millis() as f64).into()).get_timezone_offset();
    let local = at - chrono::TimeDelta::minutes(offset as i64);
    local.format("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        assert_eq!(Texts::untranslated(), ["other_language"]);
    }
}
