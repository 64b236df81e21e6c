//! Every sentence, in both languages, with its arguments and without.

use super::*;
use crate::step::Step;

const CODES: [FaultCode; 104] = {
    use FaultCode as C;
    [
        C::BoardSilent,
        C::WrongModel,
        C::BoardOfAnotherVariant,
        C::CellCountDiffers,
        C::PassedAlready,
        C::IdentityInTwoSlots,
        C::IdentityOfAnotherUnit,
        C::IdentityIsDefault,
        C::IdentityChanged,
        C::NumberNotOurs,
        C::LabelNotOfForm,
        C::LabelTaken,
        C::LabelDiffers,
        C::LabelNotPrinted,
        C::LabelNotPrintable,
        C::LabelDue,
        C::LabelOfAnother,
        C::LabelAddressDiffers,
        C::LabelNumberToo,
        C::LabelNotAwaited,
        C::BoardIsReference,
        C::ReferenceAsExpected,
        C::ReferenceOverdue,
        C::ReferenceWornOut,
        C::ReferenceNotAsExpected,
        C::BoardShipped,
        C::BoardOnHold,
        C::BoardLeased,
        C::BoardOfAnotherBatch,
        C::TooManyFails,
        C::FlashFailed,
        C::FirmwareCrcDiffers,
        C::FirmwareVersionDiffers,
        C::FirmwareEvidenceTooWeak,
        C::LoaderSilent,
        C::ApplicationDidNotStart,
        C::PasswordRefused,
        C::RegisterDoesNotHold,
        C::WriteRefused,
        C::DeadlyValue,
        C::RuleNotJudged,
        C::NoSafeOrder,
        C::OtherVariant,
        C::CalibrationOff,
        C::ShuntOfAnotherVariant,
        C::OutsideLimits,
        C::RadioNotHeard,
        C::RadioWeak,
        C::NameDoesNotHold,
        C::NewPasswordRefused,
        C::OldPasswordStillOpens,
        C::LeaseDoesNotHold,
        C::OutputWrong,
        C::BoardAnswersGarbage,
        C::BoardStoppedAnswering,
        C::FlagNotSeen,
        C::StepTimedOut,
        C::PromptDenied,
        C::ScanDiffers,
        C::BoardTakenOut,
        C::PromptUnanswered,
        C::LineCollision,
        C::PortVanished,
        C::PortNotOpened,
        C::PortRateFixed,
        C::FixtureSilent,
        C::FixtureUnfit,
        C::CoverOpen,
        C::EmergencyStop,
        C::ResetNeeded,
        C::InstrumentSilent,
        C::InstrumentNonsense,
        C::InstrumentDiffers,
        C::InstrumentBusy,
        C::InstrumentDue,
        C::NestWorn,
        C::JournalNotWritten,
        C::NoSerialNumbers,
        C::NoShare,
        C::ShareWrittenOff,
        C::NoBatch,
        C::ServerAway,
        C::AdmissionRefused,
        C::JournalWentBack,
        C::JournalOlder,
        C::JournalDiffers,
        C::MachineChanged,
        C::StationTwiceAlive,
        C::OutboxEnded,
        C::KeyUnknown,
        C::WireVersionDiffers,
        C::ClockWrong,
        C::StationStopped,
        C::BundleRefused,
        C::PortToBeProved,
        C::NobodySignedIn,
        C::ChangeOverOpen,
        C::ReferencesDue,
        C::FirstArticleDue,
        C::LineStopped,
        C::BatchHeld,
        C::PassNotHeld,
        C::NameNotPossible,
        C::Internal,
    ]
};

/// The arguments that a code's comment in [`FaultCode`] promises, in the order of the sentence.
fn promised(code: FaultCode) -> &'static [&'static str] {
    use FaultCode as C;
    match code {
        C::BoardSilent | C::ApplicationDidNotStart => &["seconds"],
        C::BoardOfAnotherVariant | C::CellCountDiffers => &["found", "expected"],
        C::WrongModel | C::FirmwareCrcDiffers | C::FirmwareVersionDiffers => &["found", "expected"],
        C::NameDoesNotHold | C::LeaseDoesNotHold => &["found", "expected"],
        C::PassedAlready => &["serial"],
        C::IdentityInTwoSlots => &["identity", "other_slot"],
        C::IdentityOfAnotherUnit => &["identity", "serial"],
        C::IdentityIsDefault => &["field", "found"],
        C::IdentityChanged => &["before", "after"],
        C::NumberNotOurs => &["found"],
        C::LabelNotOfForm => &["found", "expected"],
        C::LabelTaken => &["label", "holder"],
        C::LabelDiffers => &["label", "serial"],
        C::LabelNotPrinted => &["label", "batch"],
        C::LabelDue | C::LabelNumberToo => &["serial"],
        C::LabelOfAnother => &["found", "serial"],
        C::LabelAddressDiffers => &["serial", "printed", "read"],
        C::LabelNotAwaited => &["found"],
        C::BoardIsReference | C::ReferenceAsExpected => &["name"],
        C::ReferenceOverdue => &["name", "due"],
        C::ReferenceWornOut => &["name", "uses", "most"],
        C::ReferenceNotAsExpected => &["name", "expected", "found"],
        C::BoardShipped | C::BoardOnHold => &["board", "reason"],
        C::BoardLeased => &["board", "until"],
        C::BoardOfAnotherBatch => &["board", "batch"],
        C::TooManyFails => &["board", "fails", "allowed"],
        C::FlashFailed => &["attempts", "reason"],
        C::FirmwareEvidenceTooWeak => &["accepted", "found"],
        C::LoaderSilent => &["menu_timeout_s"],
        C::PasswordRefused => &["tried"],
        C::RegisterDoesNotHold => &["register", "expected", "found"],
        C::WriteRefused => &["register", "exception"],
        C::DeadlyValue => &["register", "found", "rule", "bound"],
        C::RuleNotJudged => &["rule", "missing"],
        C::NoSafeOrder => &["registers", "rules"],
        C::OtherVariant => &["register", "bit", "found", "expected"],
        C::CalibrationOff => &["expected", "found", "tolerance"],
        C::ShuntOfAnotherVariant => &["expected", "found", "correction_percent", "max_correction_percent"],
        C::RadioNotHeard => &["address", "seconds"],
        C::RadioWeak => &["found", "min"],
        C::FixtureUnfit => &["fixture", "product"],
        C::CoverOpen => &["cover"],
        C::EmergencyStop | C::ResetNeeded => &[],
        C::InstrumentSilent | C::InstrumentNonsense => &["instrument", "detail"],
        C::InstrumentDiffers => &["instrument", "expected", "found"],
        C::InstrumentBusy => &["instrument", "seconds"],
        C::InstrumentDue => &["instrument", "due"],
        C::NestWorn => &["nest", "contacts", "limit"],
        C::OutsideLimits => &["measurement", "found", "min", "max", "unit"],
        C::OutputWrong => &["path", "expected", "found"],
        C::BoardAnswersGarbage => &["request", "detail"],
        C::BoardStoppedAnswering => &["request"],
        C::FlagNotSeen => &["register", "bit", "expected", "seconds"],
        C::StepTimedOut => &["seconds"],
        C::PromptDenied => &["question"],
        C::ScanDiffers => &["question", "found", "expected"],
        C::PromptUnanswered => &["question", "seconds"],
        C::LineCollision | C::PortVanished | C::PortNotOpened => &["device", "detail"],
        C::PortRateFixed => &["device", "application_baud", "loader_baud"],
        C::ClockWrong => &["shows"],
        C::JournalNotWritten => &["path", "detail"],
        C::FixtureSilent | C::NoSerialNumbers | C::ServerAway | C::BundleRefused => &["detail"],
        C::JournalWentBack => &["found", "expected"],
        C::JournalDiffers => &["number"],
        C::MachineChanged => &["before", "found"],
        C::OutboxEnded => &["unsent"],
        C::WireVersionDiffers => &["station", "server"],
        C::AdmissionRefused | C::NameNotPossible | C::Internal | C::LabelNotPrintable => &["detail"],
        C::NewPasswordRefused | C::OldPasswordStillOpens | C::BoardTakenOut => &[],
        C::NoBatch
        | C::NoShare
        | C::ShareWrittenOff
        | C::StationStopped
        | C::PassNotHeld
        | C::NobodySignedIn => &[],
        C::PortToBeProved => &["device", "change"],
        C::ChangeOverOpen => &["batch"],
        C::ReferencesDue => &["wanted"],
        C::FirstArticleDue => &["boards"],
        C::LineStopped => &["failed_step", "fails"],
        C::BatchHeld => &["batch", "reason", "by"],
        C::JournalOlder | C::StationTwiceAlive | C::KeyUnknown => &[],
    }
}

#[test]
fn every_sentence_shows_each_figure_that_its_code_promises() {
    for (place, code) in CODES.into_iter().enumerate() {
        // The list above is complete and in order when each code stands at its own place.
        assert_eq!(code as usize, place, "{code:?}");
        let fault =
            promised(code).iter().fold(Fault::new(code), |fault, name| fault.with(name, format!("<{name}>")));
        for language in [Language::En, Language::Zh] {
            let text = fault_text(language, &fault);
            for name in promised(code) {
                assert!(text.contains(&format!("<{name}>")), "{code:?} does not show {name}: {text}");
            }
            assert!(!text.contains('?'), "{code:?} asks for a figure nobody promised: {text}");
            assert!(!fault_next_step(language, &fault).contains('?'), "{code:?}");
        }
    }
}

#[test]
fn no_sentence_shows_a_place_that_was_not_filled() {
    for code in CODES {
        let fault = Fault::new(code);
        for language in [Language::En, Language::Zh] {
            for text in [fault_text(language, &fault), fault_next_step(language, &fault)] {
                assert!(!text.contains(['{', '}']), "{code:?}: {text}");
                assert!(
                    text.ends_with(if language == Language::En { '.' } else { '。' }),
                    "{code:?}: {text}"
                );
            }
        }
        let chinese = fault_text(Language::Zh, &fault) + &fault_next_step(Language::Zh, &fault);
        assert!(chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{chinese}");
    }
}

#[test]
fn an_argument_is_shown_as_it_is_and_never_read_as_a_place() {
    let fault = Fault::new(FaultCode::PortVanished).with("device", "{detail}").with("detail", "gone");
    assert_eq!(fault_text(Language::En, &fault), "The serial port {detail} has vanished: gone.");
}

#[test]
fn every_step_has_a_name_of_its_own_in_both_languages() {
    for language in [Language::En, Language::Zh] {
        let titles: std::collections::BTreeSet<_> =
            Step::ALL.iter().map(|step| step_title(language, *step)).collect();
        assert_eq!(titles.len(), Step::ALL.len());
    }
}
