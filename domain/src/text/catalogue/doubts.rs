//! What a record that does not support itself is told: one short sentence a doubt, English and Chinese side by side.

use super::{Language, step_title};
use crate::{admission::AdmissionVerdict, record::RecordDoubt};

/// The doubt, with the name of what it is about where it has one.
#[must_use]
pub fn doubt_text(language: Language, doubt: &RecordDoubt) -> String {
    use RecordDoubt as D;
    if let D::PassedAlready { run_id } = doubt {
        let en = "the unit has another pass in this operation, and no order to work it once more: run";
        return format!("{} {run_id}", language.pick(en, "该单体在本工序另有合格记录且无返工指令：运行"));
    }
    let (en, zh, about) = match doubt {
        D::FaultAndOutcomeDisagree => ("outcome and fault disagree", "结果与故障不一致", None),
        D::StepNotPassed { step } => ("step not passed", "步骤未通过", Some(step_title(language, *step))),
        D::MeasurementOutsideLimits { name } => {
            ("measurement outside its limits", "测量超限", Some(name.as_str()))
        }
        D::ParameterNotVerified { name } => ("parameter not verified", "参数未验证", Some(name.as_str())),
        D::FirmwareNotProved => ("firmware not proved", "固件未证明", None),
        D::NoSerial => ("no serial number", "无序列号", None),
        D::LabelNotProved => ("number is no scanned label of its batch", "序列号不是本批次的扫描标签", None),
        D::NoIdentity => ("no identity", "无身份", None),
        D::BoardOfAnotherVariant => {
            ("not shown to be a board that the profile is for", "未证明该板属于参数方案适用的规格", None)
        }
        D::PasswordNotProved => ("password not proved", "密码未验证", None),
        D::LeaseNotProved => ("lock not read back as set", "锁定未按设定回读", None),
        D::TimesReversed => ("ends before it starts", "结束早于开始", None),
        D::BundleDiffers => ("names another bundle or operation", "发布包或工序不符", None),
        D::ParameterMissing { name } => {
            ("parameter of the profile is missing", "缺少配置中的参数", Some(name.as_str()))
        }
        D::ParameterNotInProfile { name } => {
            ("parameter is not in the profile", "配置中没有该参数", Some(name.as_str()))
        }
        D::ParameterDiffersFromProfile { name } => {
            ("parameter differs from the profile", "参数与配置不符", Some(name.as_str()))
        }
        D::MeasurementMissing { name } => {
            ("measurement of the procedure is missing", "缺少工艺规定的测量", Some(name.as_str()))
        }
        D::MeasurementNotInProcedure { name } => {
            ("measurement is not in the procedure", "工艺中没有该测量", Some(name.as_str()))
        }
        D::MeasurementDiffersFromProcedure { name } => (
            "limits, unit, time or source differ from the procedure",
            "限值、单位、时机或来源与工艺不符",
            Some(name.as_str()),
        ),
        D::StimulusMissing { name } => {
            ("known stimulus is not stated", "未注明已知激励", Some(name.as_str()))
        }
        D::AnswerNotProved { name } => ("answer not proved", "回答未证明", Some(name.as_str())),
        D::FirmwareDiffersFromBundle => {
            ("image or version differs from the bundle", "固件映像或版本与发布包不符", None)
        }
        D::LeaseDiffersFromProcedure => {
            ("left in another lock state than the procedure's", "出厂锁定状态与工艺不符", None)
        }
        D::NotOrdered { step } => (
            "claims what the procedure does not order",
            "含工艺未规定的内容",
            Some(step_title(language, *step)),
        ),
        D::FoundWithoutProof { step } => (
            "the image is said to be found, which its evidence does not show",
            "称固件已在板上，但证据不足",
            Some(step_title(language, *step)),
        ),
        D::NumberNotProved => ("number not read back from the board", "序列号未从板上回读", None),
        D::OutputNotProved => ("charge and discharge path not read on", "未读到充放电通路接通", None),
        D::NotToBeWorked { verdict: AdmissionVerdict::Shipped } => {
            ("the unit had been shipped when the run began", "运行开始时该单体已发货", None)
        }
        D::NotToBeWorked { verdict: AdmissionVerdict::Reference } => {
            ("the board was a reference when the run began", "运行开始时该板为标准样板", None)
        }
        D::NotToBeWorked { .. } => {
            ("the unit was on hold when the run began", "运行开始时该单体处于停用状态", None)
        }
        // Said above: it names a run.
        D::PassedAlready { .. } => ("", "", None),
        D::ShipStateNotProved => ("not shown to be ready to ship", "未证明处于出货状态", None),
        D::TornDown => ("changed after its proof", "验证后又被更改", None),
        D::StepsOutOfOrder => ("steps not in the procedure's order", "步骤顺序与工艺不符", None),
        D::IdentityOfAnotherUnit => ("an identifier belongs to another unit", "标识属于另一台设备", None),
    };
    let sentence = language.pick(en, zh);
    about.map_or_else(|| sentence.to_owned(), |about| format!("{sentence}: {about}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Step;

    #[test]
    fn a_doubt_names_what_it_is_about_in_both_languages() {
        let doubt = RecordDoubt::ParameterMissing { name: "cell_count".to_owned() };
        assert_eq!(doubt_text(Language::En, &doubt), "parameter of the profile is missing: cell_count");
        assert_eq!(doubt_text(Language::Zh, &doubt), "缺少配置中的参数: cell_count");
        let step = RecordDoubt::StepNotPassed { step: Step::Measure };
        assert_eq!(
            doubt_text(Language::En, &step),
            format!("step not passed: {}", step_title(Language::En, Step::Measure))
        );
    }
}
