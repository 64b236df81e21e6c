//! The label printer and what its labels are drawn with.

use crate::doctor::picture::{Access, FontSeen, PrinterFound, PrinterSeen, QueueSeen};
use domain::{
    doctor::{Finding, FindingCode as Code},
    label_template::PrinterLanguage,
    labelling::PrinterState,
};

pub(super) fn printer(seen: Option<&PrinterSeen>) -> Vec<Finding> {
    let Some(seen) = seen else { return vec![Finding::new(Code::PrinterNone)] };
    let of = |code| Finding::new(code).with("to", &seen.to);
    let found = match &seen.found {
        PrinterFound::Says(None | Some(PrinterState::Unknown)) => {
            let language = match seen.language {
                PrinterLanguage::Zpl => "zpl",
                PrinterLanguage::Tspl => "tspl",
            };
            of(Code::PrinterMute).with("language", language)
        }
        PrinterFound::Says(Some(PrinterState::Away { detail })) | PrinterFound::Silent(detail) => {
            of(Code::PrinterSilent).with("detail", detail)
        }
        PrinterFound::Says(Some(PrinterState::Ready)) => of(Code::PrinterReady),
        PrinterFound::Says(Some(PrinterState::PaperOut)) => of(Code::PrinterPaperOut),
        PrinterFound::Says(Some(PrinterState::HeadOpen)) => of(Code::PrinterHeadOpen),
        PrinterFound::Says(Some(PrinterState::RibbonOut)) => of(Code::PrinterRibbonOut),
        PrinterFound::Says(Some(PrinterState::Paused)) => of(Code::PrinterPaused),
        PrinterFound::Says(Some(PrinterState::Jammed)) => of(Code::PrinterJammed),
        PrinterFound::Device(None) => of(Code::PrinterDeviceMissing),
        PrinterFound::Device(Some(Access::Granted)) => of(Code::PrinterDeviceGood),
        PrinterFound::Device(Some(Access::Denied { account, group })) => {
            of(Code::PrinterDeviceForbidden).with("account", account).with("group", group)
        }
        PrinterFound::Device(Some(Access::Unknown)) => {
            of(Code::PrinterNotLookedAt).with("detail", "only whoever writes to it finds out")
        }
        PrinterFound::Queue(QueueSeen::TakesJobs) => of(Code::PrinterQueueGood),
        PrinterFound::Queue(QueueSeen::Stopped(why)) => of(Code::PrinterQueueStopped).with("detail", why),
        PrinterFound::Queue(QueueSeen::Missing) => of(Code::PrinterQueueMissing),
        PrinterFound::Queue(QueueSeen::Unknown(why)) => of(Code::PrinterNotLookedAt).with("detail", why),
    };
    let font = match &seen.font {
        FontSeen::DrawsChinese => Finding::new(Code::FontGood),
        FontSeen::Lacks(font) => Finding::new(Code::FontWithoutChinese).with("font", font),
        FontSeen::Missing => Finding::new(Code::FontMissing),
    };
    vec![found, font]
}
