//! What a slot says of a label: one that was scanned for its number, or one that was printed and is scanned back.

use super::{Sentence, say};
use crate::text::FaultCode;

/// Of labels that number boards.
pub(super) fn scanned(code: FaultCode) -> Sentence {
    match code {
        FaultCode::LabelTaken => say(
            "Label {label} is on another board already: {holder}.",
            "标签 {label} 已属于另一块板：{holder}。",
            "Take the board out and look at both labels; one that was printed twice needs a new label.",
            "请取出并核对两块板的标签；重复打印的标签需更换。",
        ),
        FaultCode::LabelDiffers => say(
            "This board is unit {serial}, and label {label} was scanned for it.",
            "本板为产品 {serial}，但扫到的标签是 {label}。",
            "Take it out and look at its label: it must bear {serial}, or another board's was scanned.",
            "请取出并核对标签：应为 {serial}，或误扫了其他板的标签。",
        ),
        FaultCode::LabelNotPrinted => say(
            "Label {label} was not printed at this jig for batch {batch}, or was given up.",
            "标签 {label} 不是本治具为批次 {batch} 打印的，或已作废。",
            "Take the board out, put one of this batch's labels on it, and begin again.",
            "请取出该板，换贴本批次的标签后重新开始。",
        ),
        _ => say(
            "The scan {found} is no label of this batch: {expected}.",
            "扫码 {found} 不是本批次标签：{expected}。",
            "Scan the label of the board in this slot.",
            "请扫描本工位保护板的标签。",
        ),
    }
}

/// Of labels that are printed for units.
pub(super) fn printed(code: FaultCode) -> Sentence {
    match code {
        FaultCode::LabelNotPrintable => say(
            "The label of this batch can't be printed at this jig: {detail}.",
            "本治具无法打印该批次的标签：{detail}。",
            "Set the label printer up in station.toml (label_printer, label_font), or give the batch another bundle.",
            "请在 station.toml 中设置标签打印机（label_printer、label_font），或更换批次的发布包。",
        ),
        FaultCode::LabelDue => say(
            "The label of {serial} was not scanned back yet.",
            "{serial} 的标签尚未回扫。",
            "Stick {serial} on the board that was in this slot and scan it, or touch “label later”.",
            "请将 {serial} 贴在该插槽的板上并扫码，或点按“稍后贴标”。",
        ),
        FaultCode::LabelOfAnother => say(
            "That was label {found}; the board in this slot is {serial}.",
            "扫到的标签是 {found}；该插槽的板是 {serial}。",
            "Take that label off again, stick {serial} on this board and scan it.",
            "请揭下该标签，将 {serial} 贴在本板上并扫码。",
        ),
        FaultCode::LabelAddressDiffers => say(
            "The label of {serial} says Bluetooth {printed}, and the board was read as {read}.",
            "{serial} 的标签上蓝牙地址为 {printed}，而读取到的是 {read}。",
            "Keep board and label for quality: one of the two is another unit's.",
            "请将板与标签一并交质量部门：其中之一属于另一产品。",
        ),
        FaultCode::LabelNumberToo => say(
            "The address of {serial} is right.",
            "{serial} 的蓝牙地址正确。",
            "Scan the code of the number on the same label, too.",
            "请再扫描同一标签上的编号条码。",
        ),
        _ => say(
            "No unit here waits for label {found}.",
            "这里没有产品在等待标签 {found}。",
            "Scan the label of one of the units that stand below as unlabelled.",
            "请扫描下方未贴标产品的标签。",
        ),
    }
}
