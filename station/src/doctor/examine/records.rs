//! The journal, the way to the server, and whether both speak the same.

use crate::{
    doctor::picture::{JournalSeen, StationSeen},
    journal::JournalHealth,
    uplink::{ServerFault, ServerLook},
};
use domain::{
    api::stations::WIRE_VERSION,
    doctor::{Finding, FindingCode as Code},
    text::{Fault, FaultCode, Language, fault_text},
};

/// The server was asked before the file was read: the file must have come at least as far. `works`: a station is there that sends what waits.
pub fn journal((path, seen): &(String, JournalSeen), look: Option<&ServerLook>, works: bool) -> Vec<Finding> {
    let of = |code| Finding::new(code).with("path", path);
    match seen {
        JournalSeen::Missing => vec![of(Code::JournalMissing)],
        JournalSeen::Damaged(detail) => vec![of(Code::JournalDamaged).with("detail", detail)],
        JournalSeen::NotRead(detail) => vec![of(Code::JournalNotRead).with("detail", detail)],
        JournalSeen::Whole(health) => whole(path, health, look, works),
    }
}

fn whole(path: &str, health: &JournalHealth, look: Option<&ServerLook>, works: bool) -> Vec<Finding> {
    let standing = look.and_then(|look| look.answer.as_ref().ok());
    let mut found = Vec::new();
    let went_back = standing.filter(|known| known.changes > health.changes || known.said > health.closed);
    if let Some(known) = went_back {
        found.push(
            Finding::new(Code::JournalWentBack).with("here", health.changes).with("known", known.changes),
        );
    }
    // The server's own word goes before what it said last.
    let frozen = standing.map_or(health.frozen.as_ref(), |standing| standing.frozen.as_ref());
    found.extend(frozen.map(frozen_by));
    if found.is_empty() {
        found.push(Finding::new(Code::JournalGood).with("path", path).with("closed", health.closed));
    }
    let waiting = health.unsent.saturating_sub(health.parked);
    if waiting > 0 {
        let code = if standing.is_some() && works { Code::RecordsGo } else { Code::RecordsWait };
        found.push(Finding::new(code).with("count", waiting));
    }
    if health.parked > 0 {
        found.push(Finding::new(Code::RecordsParked).with("count", health.parked));
    }
    if health.unsent == 0 {
        found.push(Finding::new(Code::RecordsSent).with("count", health.closed));
    }
    found
}

fn frozen_by(reason: &Fault) -> Finding {
    Finding::new(Code::JournalFrozen)
        .with("reason", fault_text(Language::En, reason))
        .with("reason_zh", fault_text(Language::Zh, reason))
}

pub fn server(station: &StationSeen) -> Vec<Finding> {
    let of = |code| Finding::new(code).with("address", &station.server);
    let Some(look) = &station.look else { return vec![of(Code::ServerByCertificate)] };
    let answers = match &look.answer {
        Ok(_) => of(Code::ServerAnswers),
        Err(ServerFault::Away(detail)) => of(Code::ServerAway).with("detail", shortened(detail)),
        Err(ServerFault::Halted(reason)) if reason.code == FaultCode::KeyUnknown => of(Code::ServerKnowsNot),
        // Of the version before: it has no such route, and knows the station all the same.
        Err(ServerFault::Refused { status: 404, code, .. }) if code == "not_found" => of(Code::ServerAnswers),
        Err(fault) => of(Code::ServerStrange).with("detail", fault),
    };
    vec![answers, of(Code::ServerPlain)]
}

/// Of a chain of causes the last, which is the one that a cable or an address cures.
fn shortened(detail: &str) -> &str {
    let is_chain = detail.starts_with("error sending request");
    detail.rsplit(": ").next().filter(|_| is_chain).unwrap_or(detail)
}

pub fn versions(program: &str, is_station: bool, look: Option<&ServerLook>) -> Option<Finding> {
    let of = |code| Finding::new(code).with("station", program);
    let Some(Ok(standing)) = look.map(|look| &look.answer) else {
        return is_station.then(|| of(Code::VersionAlone));
    };
    let is_other = standing.program != program;
    Some(if standing.wire_version != WIRE_VERSION {
        Finding::new(Code::WireDiffers).with("station", WIRE_VERSION).with("server", standing.wire_version)
    } else if is_other {
        of(Code::VersionsDiffer).with("server", &standing.program)
    } else {
        of(Code::VersionsAlike)
    })
}
