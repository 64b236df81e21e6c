//! Enrolment: a machine becomes a station with a code that somebody types. What is written, in which order, so that neither a code nor a
//! key nor somebody's settings are lost on the way.
//!
//! The machine makes its key itself and puts it on its disk before it asks: an answer that is lost, or a program that dies behind it, is
//! made good by entering the same code again.

mod report;
mod settings;

pub use report::report;

use crate::{
    config::StationConfig,
    journal, private,
    uplink::{EnrolRefusal, NoAddress, ServerAddress},
};
use domain::{
    api::{
        enrolment::{Enrol, Enrolled},
        stations::WIRE_VERSION,
    },
    enrol_code::{EnrolCode, EnrolCodeFault},
    ids::ContentHash,
};
use rand::{Rng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};
use settings::{Before, Parts};
use std::{
    io,
    path::{Path, PathBuf},
};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct EnrolOrder {
    pub server: String,
    pub code: String,
    /// Where `station.toml` goes.
    pub settings: PathBuf,
    /// Folder of the journal; none: the one of settings that are there, else `usual_data`.
    pub data: Option<PathBuf>,
    pub usual_data: PathBuf,
    pub fixture: Option<String>,
    /// The slots' ports, slot 1 first.
    pub slots: Vec<String>,
    pub there: SettingsThere,
}

/// What becomes of settings that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsThere {
    Refuse,
    /// Who the station is becomes new; slots and the like are taken over, and the file that was there is kept beside it.
    Renew,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub name: String,
    pub server: String,
    pub settings: PathBuf,
    pub data: PathBuf,
    /// Where the settings are now that were there before.
    pub before: Option<PathBuf>,
    /// What the settings still lack, as [`StationConfig`] says it.
    pub lacks: Option<String>,
    /// The folder holds the journal of another station.
    pub has_foreign_journal: bool,
}

/// Why it was not.
#[derive(Debug, thiserror::Error)]
pub enum EnrolFault {
    #[error("{0}. Nobody was asked; enter it again")]
    Code(#[from] EnrolCodeFault),
    #[error(transparent)]
    Address(#[from] NoAddress),
    #[error(
        "this machine is a station already: its settings are in {0}. To let it be another one, or the same with a fresh key, say --renew: \
         slots and the like are taken over, and the file is kept beside the new one. The code is not used up"
    )]
    SettingsThere(PathBuf),
    #[error(
        "the settings {path} can't be taken over: {detail}; correct them or move the file away. The code is not used up"
    )]
    SettingsBroken { path: PathBuf, detail: String },
    #[error(
        "{path} can't be written; check its permissions, or start this as administrator (root). The code is not used up"
    )]
    NotPrepared { path: PathBuf, source: io::Error },
    #[error("{path} can't be written; make room and enter the same code again")]
    NotWritten { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Server(#[from] EnrolRefusal),
}

/// Makes this machine the station that the code is for; `ask` asks the server.
///
/// # Errors
/// A sentence for each thing that can be wrong. Whatever it is, the same command may be given again.
pub async fn enrol(
    order: &EnrolOrder,
    ask: impl AsyncFnOnce(&ServerAddress, &Enrol) -> Result<Enrolled, EnrolRefusal>,
    program: &str,
    chance: &mut StdRng,
) -> Result<Enrolment, EnrolFault> {
    let code = EnrolCode::parse(&order.code)?;
    let server = ServerAddress::parse(&order.server)?;
    let before = settings_there(order)?;
    let folder_of_old = before.as_ref().and_then(|before| before.data.clone());
    let data = order.data.clone().or(folder_of_old).unwrap_or_else(|| order.usual_data.clone());
    let prepared = |path: &Path, done: io::Result<()>| {
        done.map_err(|source| EnrolFault::NotPrepared { path: path.to_owned(), source })
    };
    if let Some(folder) = order.settings.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        prepared(folder, private::create_folder(folder))?;
    }
    prepared(&data, private::create_folder(&data))?;
    let begun_at = beside(&order.settings, "enrolling");
    let begun = Begun::take_up(&begun_at, &server, &code, chance);
    prepared(&begun_at, private::replace(&begun_at, begun.text().as_bytes()))?;
    let form = Enrol {
        wire_version: WIRE_VERSION,
        program: program.to_owned(),
        code: code.to_string(),
        key_sha256: ContentHash::of(begun.key.as_bytes()),
    };
    let enrolled = ask(&server, &form).await?;
    let parts = Parts {
        enrolled: &enrolled,
        key: &begun.key,
        server: server.as_str(),
        data: &data,
        fixture: order.fixture.as_deref(),
        slots: &order.slots,
        before: before.as_ref(),
    };
    let written = |path: &Path, source| EnrolFault::NotWritten { path: path.to_owned(), source };
    let kept = match &before {
        Some(_) => Some(move_aside(&order.settings).map_err(|source| written(&order.settings, source))?),
        None => None,
    };
    private::write_new(&order.settings, settings::text(&parts).as_bytes())
        .map_err(|source| written(&order.settings, source))?;
    // Only now: until here the same code with the same key brings everything back.
    let _may_stay = std::fs::remove_file(&begun_at);
    let journal = journal::show(&data.join("journal.sqlite")).ok();
    Ok(Enrolment {
        has_foreign_journal: journal
            .is_some_and(|journal| journal.station_id != enrolled.station_id.to_string()),
        lacks: StationConfig::load(&order.settings).err().map(|fault| fault.detail()),
        name: enrolled.name,
        server: server.as_str().to_owned(),
        settings: order.settings.clone(),
        data,
        before: kept,
    })
}

fn settings_there(order: &EnrolOrder) -> Result<Option<Before>, EnrolFault> {
    let path = &order.settings;
    match std::fs::read_to_string(path) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EnrolFault::NotPrepared { path: path.clone(), source }),
        Ok(_) if order.there == SettingsThere::Refuse => Err(EnrolFault::SettingsThere(path.clone())),
        Ok(text) => Before::parse(&text)
            .map(Some)
            .map_err(|detail| EnrolFault::SettingsBroken { path: path.clone(), detail }),
    }
}

/// `station.toml` becomes `station.toml.before`, or the first `station.toml.before-2` that is free.
fn move_aside(settings: &Path) -> io::Result<PathBuf> {
    let names = std::iter::once("before".to_owned()).chain((2..).map(|n| format!("before-{n}")));
    let mut free = names.map(|name| beside(settings, &name)).filter(|path| !path.exists());
    let aside = free.next().ok_or_else(|| io::Error::other("no name is free beside it"))?;
    std::fs::rename(settings, &aside)?;
    Ok(aside)
}

fn beside(settings: &Path, ending: &str) -> PathBuf {
    let mut name = settings.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// An enrolment that was begun: the key that the server was, or may have been, told of.
#[derive(Serialize, Deserialize)]
struct Begun {
    server: String,
    /// The code's name, not its secret.
    code: String,
    key: String,
}

impl Begun {
    /// The one that is there, where it is of this code; else a new one.
    fn take_up(path: &Path, server: &ServerAddress, code: &EnrolCode, chance: &mut StdRng) -> Self {
        let there = std::fs::read_to_string(path).ok().and_then(|text| toml::from_str::<Self>(&text).ok());
        let is_it = |begun: &Self| begun.server == server.as_str() && begun.code == code.name();
        there.filter(is_it).unwrap_or_else(|| Self {
            server: server.as_str().to_owned(),
            code: code.name().to_owned(),
            key: hex::encode(chance.random::<[u8; 32]>()),
        })
    }

    fn text(&self) -> String {
        format!(
            "# An enrolment that was begun and not finished: enter the same code again, or remove this file.\n\
             server = {:?}\ncode = {:?}\nkey = {:?}\n",
            self.server, self.code, self.key
        )
    }
}

#[cfg(test)]
mod tests;
