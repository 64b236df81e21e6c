//! Words of how long references are good for.

use super::language;
use domain::{api::references::Worth, text::Language};

domain::texts! {
    uses: "Uses", "使用次数";
    due: "Good until", "有效期至";
    near_end: "near its end", "即将到期";
    overdue: "overdue", "逾期未复核";
    worn_out: "used up", "次数用尽";
    proves_nothing: "proves nothing", "无效";
    due_field: "Values to be confirmed by", "须复核日期";
    due_why: "The last day on which its checks count; empty: no end.", "该日之后的校验无效；不填则无期限。";
    uses_field: "Good for so many uses", "限用次数";
    uses_why: "empty: no bound", "不填则不限";
    confirm: "Confirm it", "复核确认";
    confirm_why: "Its values were measured and are what they must be: say until when it is good, for how many uses in all, and by what. What is left empty stays as it is. Kept in the audit.", "已测量其数值且符合要求：请填写新的有效期、总限用次数及依据。留空的项目保持不变。记入审计。";
    confirmed: "Confirmed", "已复核";
    because: "Because", "依据";
    because_why: "measured by whom, with what, which sheet", "由谁、用何仪器测量，记录编号";
    wrong_uses: "A whole number of uses, 1 to 1,000,000.", "限用次数为 1 至 1000000 的整数。";
    nothing_said: "Say until when it is good, or for how many uses.", "请填写有效期或限用次数。";
}

pub fn reference_texts() -> &'static Texts {
    match language() {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

/// The word for what a reference is worth; none where it is good and nothing need be said.
pub fn worth(worth: Worth) -> Option<&'static str> {
    let t = reference_texts();
    match worth {
        Worth::Good => None,
        Worth::NearEnd => Some(t.near_end),
        Worth::Overdue => Some(t.overdue),
        Worth::WornOut => Some(t.worn_out),
    }
}
