//! The set-up page, which the station itself serves beside the operator's: what is wrong with its PC, and which port is which slot's.
//! `/api/v1/operator/setup`, at the station.

use crate::{
    doctor::{Finding, FindingState},
    model::Bilingual,
    text::Language,
};
use chrono::{DateTime, Utc};

wire! {
    /// `GET /api/v1/operator/setup`: the PC as it stands.
    pub struct SetupView {
        pub station_name: String,
        /// When the PC was looked at.
        pub looked_at: DateTime<Utc>,
        /// In the order in which a technician looks.
        pub findings: Vec<FindingSaid>,
        pub ports: PortsView,
    }
}

wire! {
    /// A finding as a person reads it. In words, so that a page need not bring the sentences of all findings there could be.
    pub struct FindingSaid {
        /// The code's word.
        pub code: String,
        pub state: FindingState,
        pub area: Bilingual,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub slot: Option<u16>,
        pub what: Bilingual,
        /// None: nothing is to be done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub next_step: Option<Bilingual>,
    }
}

impl FindingSaid {
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let both =
            |said: &dyn Fn(Language) -> String| Bilingual { en: said(Language::En), zh: said(Language::Zh) };
        let code = serde_json::to_value(finding.code).ok();
        let next_step = both(&|language| finding.next_step(language));
        Self {
            code: code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default(),
            state: finding.state(),
            area: both(&|language| finding.code.area().title(language).to_owned()),
            slot: finding.slot,
            what: both(&|language| finding.what(language)),
            next_step: Some(next_step).filter(|said| !said.en.is_empty()),
        }
    }
}

wire! {
    /// Which port is which slot's.
    #[derive(Default)]
    pub struct PortsView {
        /// In the order of their numbers.
        pub slots: Vec<SlotPort>,
        /// Serial adapters that belong to no slot.
        pub free: Vec<FreePort>,
        /// A slot whose port is being proved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub proof: Option<ProofView>,
    }
}

wire! {
    /// A slot's port.
    pub struct SlotPort {
        pub slot: u16,
        /// As the settings have it, or as it was bound since.
        pub device: String,
        pub standing: PortStanding,
        /// Why it is not known any more whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub doubt: Option<PortDoubt>,
    }
}

wire! {
    /// What is known of a slot's port.
    #[derive(Copy, Eq)]
    pub enum PortStanding {
        /// In the network, or a simulated board's: nobody can plug it elsewhere unseen.
        Fixed,
        /// Its adapter is not there.
        Missing,
        /// It is the one that the settings name; nobody has shown that the slot hangs on it.
        Named,
        /// Somebody has shown that the slot hangs on it.
        Proved,
        /// It may be another slot's by now: no board is begun until somebody shows whose it is.
        Doubted,
    }
}

wire! {
    /// What came between a port and the slot that it was.
    #[derive(Eq)]
    #[serde(tag = "kind")]
    pub enum PortDoubt {
        /// Another adapter or another hub is at its place.
        OtherParts { before: String, now: String },
        /// Adapters that look alike were unplugged at the same time: they may have changed places.
        AwayTogether { slots: Vec<u16> },
        /// Another slot was shown to hang on the port that it had.
        GivenAway { slot: u16 },
    }
}

impl PortDoubt {
    /// In a few words.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        use Language::{En, Zh};
        let listed = |slots: &[u16]| slots.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        match (self, language) {
            (Self::OtherParts { before, now }, En) => format!("{now} is where {before} was"),
            (Self::OtherParts { before, now }, Zh) => format!("原为 {before}，现为 {now}"),
            (Self::AwayTogether { slots }, En) => {
                format!("the adapters of slots {} were unplugged at the same time", listed(slots))
            }
            (Self::AwayTogether { slots }, Zh) => format!("插槽 {} 的适配器曾同时拔下", listed(slots)),
            (Self::GivenAway { slot }, En) => format!("its port turned out to be slot {slot}'s"),
            (Self::GivenAway { slot }, Zh) => format!("原端口实为插槽 {slot} 的端口"),
        }
    }
}

wire! {
    /// A serial adapter that belongs to no slot.
    pub struct FreePort {
        pub device: String,
        /// What it calls itself.
        pub title: String,
    }
}

wire! {
    /// A proof that runs.
    pub struct ProofView {
        pub slot: u16,
        pub state: ProofState,
    }
}

wire! {
    /// How far it has come. A proof that shows the slot's own port is over at once.
    #[derive(Eq)]
    #[serde(tag = "kind")]
    pub enum ProofState {
        /// Somebody is to switch the slot's board off and on, or to unplug its adapter and plug it in again.
        Waiting {
            /// Slots on whose ports a board answers.
            answering: Vec<u16>,
            /// Ports that went silent or away since.
            away: Vec<String>,
        },
        /// More than one port went silent or away: nobody can know which one was meant.
        Several { ports: Vec<String> },
        /// It was another port than the slot's. `slot`: whose it is so far.
        Shown {
            device: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            slot: Option<u16>,
        },
    }
}

wire! {
    /// `POST /api/v1/operator/setup/proof`: begins the proof of that slot's port, or (null) ends the one that runs. 204; 404 `no_slot`.
    pub struct ProveForm {
        pub slot: Option<u16>,
    }
}

wire! {
    /// `POST /api/v1/operator/setup/bind`: the port that the proof has shown becomes the slot's. 204; what was not shown is not bound.
    pub struct BindForm {
        pub slot: u16,
        pub device: String,
    }
}
