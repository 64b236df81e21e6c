//! What a slot says that begins no board until somebody has done something.

use super::{Sentence, say};

pub(super) fn port_to_be_proved() -> Sentence {
    say(
        "It is not known whether {device} is this slot's port: {change}.",
        "无法确定 {device} 是否为本插槽的端口：{change}。",
        "Open Set-up at the top of the page and prove this slot's port there.",
        "请打开页面上方的“设置”，在其中验证本插槽的端口。",
    )
}

pub(super) fn nobody_signed_in() -> Sentence {
    say(
        "Nobody is signed in at this jig.",
        "本治具无人登录。",
        "Scan your badge, or sign in with number and PIN.",
        "请扫描工牌，或用工号和 PIN 登录。",
    )
}

pub(super) fn change_over_open() -> Sentence {
    say(
        "This slot is being changed over to batch {batch}.",
        "本插槽正在换线至批次 {batch}。",
        "Finish the change-over at the foot of the page, or give it up there.",
        "请在页面下方完成换线，或在该处取消。",
    )
}

pub(super) fn references_due() -> Sentence {
    say(
        "This shift's reference check is missing: {wanted}.",
        "本班次尚未校验标准样板：{wanted}。",
        "Take this board out and put the reference board in; boards are worked once it came to what it must.",
        "请取出该板并放入标准样板；校验正常后方可生产。",
    )
}

pub(super) fn first_article_due() -> Sentence {
    say(
        "First article: {boards} made here and not judged yet.",
        "首件：本插槽已完成 {boards} 块，尚未判定。",
        "Quality or a delegated lead reads the sheet and signs it with badge or PIN.",
        "由质量人员或授权班长查看首件单并用工牌或 PIN 签字。",
    )
}

pub(super) fn line_stopped() -> Sentence {
    say(
        "Stopped: {fails} boards in a row failed at “{failed_step}”.",
        "已停线：连续 {fails} 块在“{failed_step}”失败。",
        "Find the cause (contacts, load, profile); a lead or quality lets it go on, with the reason.",
        "请查明原因（触点、负载、参数）；由班长或质量人员填写原因后放行。",
    )
}

pub(super) fn batch_held() -> Sentence {
    say(
        "Quality holds batch {batch}: {reason} ({by}).",
        "质量部门已暂停批次 {batch}：{reason}（{by}）。",
        "Work no board of it; quality lets it go on the batch's page.",
        "请勿生产该批次；由质量部门在批次页面解除。",
    )
}
