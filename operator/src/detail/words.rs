//! The detail panel's catalogue.

pub use browser::language::{language, pick};
use domain::{api::operator::FrameKind, text::Language};

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
    step_back: "step before", "上一步骤";
    back: "frame before", "上一帧";
    forward: "next frame", "下一帧";
    step_forward: "next step", "下一步骤";
    newest: "newest", "最新";
    no_frames: "nothing passed over the line in this run yet", "本次运行尚无报文";
    keys: "Keys: ↑ ↓ a frame, Page up and down a step, Home, End, Esc", "按键：↑ ↓ 逐帧，PageUp/PageDown 逐步骤，Home、End、Esc";
    ms: "frames, ms", "帧，毫秒";
    answer: "answer:", "应答：";
    read: "read", "读";
    write: "write", "写";
    command: "command", "命令";
    unanswered: "no answer", "无应答";
    transfer: "transfer", "传输";
    typed: "keys", "按键";
    heard: "heard", "收到";
    withheld: "withheld", "已隐去";
    rate: "baud", "波特率";
    left_out: "left out", "已省略";
}

pub fn texts() -> &'static Texts {
    match language() {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

pub fn kind(kind: FrameKind) -> &'static str {
    let t = texts();
    match kind {
        FrameKind::Read => t.read,
        FrameKind::Write => t.write,
        FrameKind::Command => t.command,
        FrameKind::Unanswered => t.unanswered,
        FrameKind::Transfer => t.transfer,
        FrameKind::Keys => t.typed,
        FrameKind::Heard => t.heard,
        FrameKind::Withheld => t.withheld,
        FrameKind::Rate => t.rate,
        FrameKind::LeftOut => t.left_out,
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
