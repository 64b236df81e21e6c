//! Where the sections' facts come from: said, and said of keys that are there.

use super::Report;
use crate::{
    model::{DeviceModel, Provenance},
    source::At,
};

pub(super) fn check_origins(model: &DeviceModel, report: &mut Report<'_>) {
    for (section, origin) in model.origins() {
        let path: Vec<At<'_>> = section.iter().map(|key| At::Key(key)).collect();
        let name = section.join(".");
        let Some(origin) = origin else {
            // "Assumed" is the one word that may be said of all at once.
            if model.provenance != Provenance::Assumed {
                let reason = format!(
                    "[{name}] does not say where its facts come from: add [{name}.origin] with provenance and source, and what is \
                     assumed of it"
                );
                report.at(&path, reason);
            }
            continue;
        };
        let at = |key| [&path[..], &[At::Key("origin"), At::Key(key)]].concat();
        if origin.source.trim().is_empty() {
            report.at(&at("source"), format!("source of [{name}] is empty: say where its facts come from"));
        }
        for (index, key) in origin.assumed.iter().enumerate() {
            let of_key: Vec<At<'_>> = path.iter().copied().chain(key.split('.').map(At::Key)).collect();
            if key == "origin" || !report.source.stands(&of_key) {
                let place = [&at("assumed")[..], &[At::Index(index)]].concat();
                report.at(&place, format!("assumed names {key:?}, which [{name}] does not say"));
            }
        }
    }
}
