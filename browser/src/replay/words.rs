//! The words of the replay, which both pages show.

use crate::language::language;
use domain::{api::wire_log::FrameKind, text::Language};

domain::texts! {
    step_back: "step before", "上一步骤";
    back: "frame before", "上一帧";
    forward: "next frame", "下一帧";
    step_forward: "next step", "下一步骤";
    newest: "newest", "最新";
    last: "last", "最后";
    no_frames: "nothing passed over the line in this run", "本次运行没有报文";
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
