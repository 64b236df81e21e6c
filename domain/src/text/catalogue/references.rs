//! What a slot says of boards that it only reads: references, and other variants than its batch's.

use super::{FaultCode, Sentence, say};

pub(super) fn never_worked() -> Sentence {
    say(
        "This is reference board {name}: it checks jigs and is never worked. Nothing was written.",
        "这是标准样板 {name}：仅用于校验工站，不参与生产。未写入任何数据。",
        "Put it back to the references; if it is none any more, quality ends it on the page of references.",
        "请放回标准样板处；如已不再使用，由质量部门在标准样板页面停用。",
    )
}

pub(super) fn as_expected() -> Sentence {
    say(
        "Reference board {name} came to what it must: this slot's bench is in order.",
        "标准样板 {name} 校验正常：本工位可用。",
        "Take it out and put it back to the references.",
        "请取出并放回标准样板处。",
    )
}

/// By its day, or else by its uses.
pub(super) fn past_its_end(code: FaultCode) -> Sentence {
    if code == FaultCode::ReferenceOverdue { overdue() } else { worn_out() }
}

fn overdue() -> Sentence {
    say(
        "Reference board {name} came to what it must, but its values were to be confirmed by {due}: its check proves nothing.",
        "标准样板 {name} 校验结果正常，但应在 {due} 前复核而未复核：本次校验无效。",
        "Take it out and put in another reference, or ask quality to confirm this one on the page of references.",
        "请取出并换用其他标准样板，或由质量部门复核后在标准样板页面确认。",
    )
}

fn worn_out() -> Sentence {
    say(
        "Reference board {name} came to what it must, but was used {uses} times before and is good for {most}: its check proves nothing.",
        "标准样板 {name} 校验结果正常，但此前已使用 {uses} 次，限用 {most} 次：本次校验无效。",
        "Take it out and put in another reference; quality ends this one, or confirms it for more uses, on the page of references.",
        "请取出并换用其他标准样板；由质量部门在标准样板页面停用该板，或复核后增加次数。",
    )
}

pub(super) fn not_as_expected() -> Sentence {
    say(
        "Reference board {name} must come to: {expected}; here it came to: {found}. This slot's bench is not to be trusted.",
        "标准样板 {name} 应为：{expected}；本工位结果为：{found}。本工位不可信。",
        "Work no board here and call quality; once contacts, line and supply were looked at, put the reference in again.",
        "请停用本工位并通知质量部门；检查触点、通信线和电源后重新放入标准样板。",
    )
}

pub(super) fn another_variant() -> Sentence {
    say(
        "The board is another variant: it says {found}, and this batch is for {expected}. No parameter was written.",
        "保护板规格不同：该板为 {found}，本批适用于 {expected}。未写入任何参数。",
        "Take it to a jig that works its kind; if it belongs here, the engineer releases a profile for it.",
        "请送到对应规格的工站；如确属本批，由工程师发布适用的参数方案。",
    )
}

pub(super) fn cell_count_differs() -> Sentence {
    say(
        "The board counts {found} cells, and this batch's boards have {expected}. No parameter was written.",
        "保护板检测到 {found} 串，本批产品为 {expected} 串。未写入任何参数。",
        "See that every cell wire of the nest makes contact and put it in again; if it counts the same, it is of another batch or broken: put it aside.",
        "检查治具各电芯触点后重新放入；结果相同则属其他批次或已损坏，请放到一边。",
    )
}
