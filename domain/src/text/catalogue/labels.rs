//! What a slot says of a scanned label.

use super::{Sentence, say};

pub(super) fn not_of_form() -> Sentence {
    say(
        "The scan {found} is no label of this batch: {expected}.",
        "扫码 {found} 不是本批次标签：{expected}。",
        "Scan the label of the board in this slot.",
        "请扫描本工位保护板的标签。",
    )
}

pub(super) fn taken() -> Sentence {
    say(
        "Label {label} is on another board already: {holder}.",
        "标签 {label} 已属于另一块板：{holder}。",
        "Take the board out and look at both labels; one that was printed twice needs a new label.",
        "请取出并核对两块板的标签；重复打印的标签需更换。",
    )
}

pub(super) fn differs() -> Sentence {
    say(
        "This board is unit {serial}, and label {label} was scanned for it.",
        "本板为产品 {serial}，但扫到的标签是 {label}。",
        "Take it out and look at its label: it must bear {serial}, or another board's was scanned.",
        "请取出并核对标签：应为 {serial}，或误扫了其他板的标签。",
    )
}
