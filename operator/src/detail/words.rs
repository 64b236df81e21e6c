//! The detail panel's catalogue.

pub use browser::language::{language, pick};
use domain::text::Language;

domain::texts! {
    slot: "Slot", "插槽";
    close: "Close", "关闭";
    looking: "Looking", "正在读取";
    no_run: "no board was worked here yet", "此插槽尚未处理板子";
    nothing_read: "no voltage or current was read in this run yet", "本次运行尚未读取电压或电流";
    traces_are: "Readings that the run takes anyway; lines only join them, limits are the procedure's.", "各点为运行中的读数，连线仅为连接，限值取自工艺。";
    pack_voltage: "pack", "总压";
    pack_current: "board", "板读电流";
    load_current: "load", "负载";
    line: "On the line", "通信报文";
    keys: "Keys: ↑ ↓ a frame, Page up and down a step, Home, End, Esc", "按键：↑ ↓ 逐帧，PageUp/PageDown 逐步骤，Home、End、Esc";
}

pub fn texts() -> &'static Texts {
    match language() {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        assert!(Texts::untranslated().is_empty(), "{:?}", Texts::untranslated());
    }
}
