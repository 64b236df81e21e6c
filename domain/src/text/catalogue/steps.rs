//! The steps of a run, for a person.

use super::Language;
use crate::step::Step;

/// What a step is called.
#[must_use]
pub fn step_title(language: Language, step: Step) -> &'static str {
    let (en, zh) = match step {
        Step::Probe => ("Find the board", "探测"),
        Step::Identify => ("Identify", "识别"),
        Step::Admit => ("Admit", "准入"),
        Step::Flash => ("Flash firmware", "烧录固件"),
        Step::Boot => ("Start firmware", "启动固件"),
        Step::Unlock => ("Unlock", "解锁"),
        Step::Profile => ("Write parameters", "写入参数"),
        Step::Calibrate => ("Calibrate current", "电流校准"),
        Step::Measure => ("Measure", "测量"),
        Step::Number => ("Serial number", "序列号"),
        Step::Name => ("Bluetooth name", "蓝牙名称"),
        Step::Password => ("Password", "密码"),
        Step::Lease => ("Lease lock", "租赁锁"),
        Step::Restart => ("Restart", "重启"),
        Step::Verify => ("Read afresh", "重新读取核对"),
        Step::SafeState => ("Safe state", "安全状态"),
        Step::Wait => ("Wait", "等待"),
        Step::Command => ("Command", "指令"),
        Step::Stimulate => ("Set the load", "设置负载"),
        Step::Expect => ("Wait for a flag", "等待标志"),
        Step::ShipState => ("Ready to ship", "出货状态"),
        Step::Sleep => ("Sleep", "休眠"),
        Step::Prompt => ("Ask the operator", "询问操作员"),
    };
    language.pick(en, zh)
}
