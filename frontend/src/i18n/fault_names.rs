//! Short names of faults, for charts: the sentences with their figures are in `domain::text`.

use domain::text::{FaultCode, Language};

/// `outside limits`.
pub fn fault_name(code: FaultCode, language: Language) -> &'static str {
    let (en, zh) = match code {
        FaultCode::BoardSilent => ("board silent", "板无响应"),
        FaultCode::WrongModel => ("wrong model", "板型不符"),
        FaultCode::PassedAlready => ("passed already", "已合格过"),
        FaultCode::IdentityInTwoSlots => ("identity in two slots", "身份出现在两个工位"),
        FaultCode::IdentityOfAnotherUnit => ("identity of another unit", "身份属于另一单体"),
        FaultCode::IdentityIsDefault => ("identity is a default", "身份为出厂默认值"),
        FaultCode::IdentityChanged => ("identity changed", "身份改变"),
        FaultCode::NumberNotOurs => ("number not ours", "序列号来源不明"),
        FaultCode::FlashFailed => ("transfer failed", "烧录失败"),
        FaultCode::FirmwareCrcDiffers => ("firmware CRC differs", "固件 CRC 不符"),
        FaultCode::FirmwareVersionDiffers => ("firmware version differs", "固件版本不符"),
        FaultCode::FirmwareEvidenceTooWeak => ("firmware not proved", "固件证据不足"),
        FaultCode::LoaderSilent => ("loader silent", "引导程序无响应"),
        FaultCode::ApplicationDidNotStart => ("application did not start", "应用未启动"),
        FaultCode::PasswordRefused => ("password refused", "密码被拒"),
        FaultCode::RegisterDoesNotHold => ("value does not hold", "参数未保持"),
        FaultCode::DeadlyValue => ("deadly value", "危险参数值"),
        FaultCode::RuleNotJudged => ("rule not judged", "规则无法判定"),
        FaultCode::NoSafeOrder => ("no safe order", "无安全写入顺序"),
        FaultCode::OtherVariant => ("other variant", "型号规格不同"),
        FaultCode::WriteRefused => ("write refused", "写入被拒"),
        FaultCode::CalibrationOff => ("calibration off", "校准偏差过大"),
        FaultCode::OutsideLimits => ("outside limits", "测量超限"),
        FaultCode::NameDoesNotHold => ("name does not hold", "名称未保持"),
        FaultCode::NewPasswordRefused => ("new password refused", "新密码被拒"),
        FaultCode::OldPasswordStillOpens => ("old password still opens", "旧密码仍可用"),
        FaultCode::LeaseDoesNotHold => ("lock does not hold", "锁定未保持"),
        FaultCode::OutputWrong => ("output wrong", "输出状态错误"),
        FaultCode::BoardAnswersGarbage => ("garbage answered", "应答乱码"),
        FaultCode::BoardStoppedAnswering => ("stopped answering", "中途无应答"),
        FaultCode::BoardTakenOut => ("board taken out", "板被取出"),
        FaultCode::LineCollision => ("line collision", "总线冲突"),
        FaultCode::PortVanished => ("port vanished", "串口消失"),
        FaultCode::PortNotOpened => ("port not opened", "串口打不开"),
        FaultCode::PortRateFixed => ("port of one rate", "串口波特率固定"),
        FaultCode::FixtureSilent => ("fixture silent", "治具无响应"),
        FaultCode::JournalNotWritten => ("journal not written", "日志无法写入"),
        FaultCode::NoSerialNumbers => ("no serial numbers", "没有可用序列号"),
        FaultCode::NoBatch => ("no batch", "未分配批次"),
        FaultCode::ServerAway => ("server away", "服务器无应答"),
        FaultCode::AdmissionRefused => ("admission refused", "服务器拒绝答复"),
        FaultCode::StationStopped => ("station stopped", "工站停止"),
        FaultCode::BundleRefused => ("bundle refused", "发布包被拒"),
        FaultCode::PassNotHeld => ("pass not held", "合格未获认可"),
        FaultCode::NameNotPossible => ("name not possible", "名称无法生成"),
        FaultCode::Internal => ("fault in the program", "程序内部错误"),
    };
    match language {
        Language::En => en,
        Language::Zh => zh,
    }
}
