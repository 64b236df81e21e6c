//! Stations: enrolment, assignment, serial numbers, admission, live. `/api/v1/station/..` takes the station's own bearer key.

pub use crate::admission::{Admission, AdmissionVerdict};

use crate::{
    admission::fails_allowed,
    api::enrolment::{Awaited, GivenCode},
    floor::{BatchHold, FloorRules, JigPerson, OpenOrder},
    identifier::Identifier,
    ids::{BatchId, ContentHash, OutboxId, RunId, SerialBlockId, SessionId, StationId},
    label::LabelForm,
    labelling::{LabelMode, LabelNews},
    live::StationLive,
    profile::OrderValues,
    reference::KnownReference,
    text::Fault,
};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/stations` (admin): 201 [`EnrolledStation`]; 409 `conflict` for a name in use.
    pub struct EnrolStation {
        pub name: String,
        pub slots: u16,
        /// Whether its slots hold simulated boards: such a station may work bundles with `assumed` parts.
        pub simulated: bool,
    }
}

wire! {
    /// The key is shown once.
    pub struct EnrolledStation {
        pub station_id: StationId,
        pub name: String,
        pub key: String,
        /// The server's Ed25519 public key, base16: releases are checked against it.
        pub release_key: String,
        /// The server's X25519 public key, base16: unit passwords are sealed to it.
        pub sealing_key: String,
        /// HMAC key of secret placeholders, this station's own, base16, 32 bytes.
        pub placeholder_key: String,
    }
}

/// What this build speaks with a station. Version 1 knew no check-in: a station of it is served as it was, and a station of this
/// version works with a server of it as it did.
pub const WIRE_VERSION: u32 = 2;

wire! {
    /// `POST /api/v1/station/check-in`, at every start and after each long loss of the server: 200 [`CheckInAnswer`]; 409
    /// `wire_version` for another version than [`WIRE_VERSION`].
    pub struct CheckIn {
        pub wire_version: u32,
        /// Version of the station's program.
        pub program: String,
        /// Drawn when the program started.
        pub session_id: SessionId,
        pub outbox_id: OutboxId,
        /// The last record closed in that outbox; none where nothing closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last: Option<LastRecord>,
        /// How often the journal file was changed; none of a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changes: Option<u64>,
        /// Records on the station's disk that the server has not acknowledged.
        pub unsent: u64,
        /// Which machine this is ([`crate::check_in::machine_fingerprint`]); none where its system does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub machine: Option<ContentHash>,
        pub slots: u16,
    }
}

wire! {
    /// `GET /api/v1/station/standing?outbox_id=...`: what the server knows of the station that asks, a frozen one too. Whoever looks after
    /// the PC asks; nothing is changed by it.
    pub struct StationStanding {
        pub name: String,
        /// The server's clock.
        pub at: DateTime<Utc>,
        /// Version of the server's program.
        pub program: String,
        /// [`WIRE_VERSION`] of the server.
        pub wire_version: u32,
        /// Why it is to start no board.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frozen: Option<Fault>,
        /// The highest number that it was told of in that outbox.
        pub said: u64,
        /// How often it was told that the journal file was changed.
        pub changes: u64,
    }
}

wire! {
    /// A record by its number.
    #[derive(Eq)]
    pub struct LastRecord {
        pub number: u64,
        /// SHA-256 of its envelope's exact text; none where the program before this one closed it and did not keep it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub sha256: Option<ContentHash>,
    }
}

wire! {
    /// What the server says to a [`CheckIn`].
    #[serde(tag = "verdict")]
    pub enum CheckInAnswer {
        /// The station works.
        Accepted { held: HeldNumbers },
        /// The outbox has ended: the station sends what is left in it, begins a fresh one, and checks in again.
        BeginOutbox,
        /// No board is started until an administrator acts.
        Frozen { reason: Fault },
    }
}

wire! {
    /// What the server holds of an outbox, quarantine included.
    #[derive(Default, Eq)]
    pub struct HeldNumbers {
        /// The highest number; 0 for none.
        pub highest: u64,
        /// Numbers missing between 1 and the highest that is known of: held, or said by the station.
        pub missing: u64,
        /// Where they are, the first [`MAX_GAPS`].
        pub gaps: Vec<NumberRange>,
    }
}

/// Ranges named in one answer.
pub const MAX_GAPS: usize = 20;

wire! {
    /// From `first` to `last`, both counted.
    #[derive(Copy, Eq)]
    pub struct NumberRange {
        pub first: u64,
        pub last: u64,
    }
}

wire! {
    /// `GET /api/v1/stations`.
    pub struct StationRow {
        pub station_id: StationId,
        pub name: String,
        pub slots: u16,
        pub simulated: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_seen_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_record_at: Option<DateTime<Utc>>,
        pub records: u64,
        /// Texts in quarantine that nobody has resolved.
        pub quarantined: u64,
        /// Of every slot that is not named below.
        pub batch_id: Option<BatchId>,
        /// Slots with a batch of their own, by slot.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub slot_batches: Vec<SlotBatch>,
        /// Of its last check-in; none: it never checked in, as stations of wire version 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub program: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frozen: Option<Frozen>,
        /// Numbers that its outboxes have closed and the server does not hold; ended outboxes aside.
        pub missing: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub awaited: Option<Awaited>,
    }
}

wire! {
    /// A slot with a batch of its own.
    #[derive(Copy, Eq)]
    pub struct SlotBatch {
        /// From 1.
        pub slot: u16,
        pub batch_id: BatchId,
    }
}

wire! {
    /// Why and since when a station starts no board.
    #[derive(Eq)]
    pub struct Frozen {
        pub reason: Fault,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// `GET /api/v1/stations/{id}`.
    pub struct StationView {
        pub station: StationRow,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub live: Option<StationLive>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub checked_in_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub machine: Option<ContentHash>,
        /// Newest first.
        pub outboxes: Vec<OutboxView>,
    }
}

wire! {
    /// One journal file of a station, as the server knows it.
    pub struct OutboxView {
        pub outbox_id: OutboxId,
        pub first_seen_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_record_at: Option<DateTime<Utc>>,
        /// The highest number that the station said it closed.
        pub said: u64,
        pub held: HeldNumbers,
        /// Since when no pass of it counts; none while it is in use, or may be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ended_at: Option<DateTime<Utc>>,
        /// Whether the station checked in with it last.
        pub current: bool,
    }
}

wire! {
    /// `POST /api/v1/stations/{id}/unfreeze` (admin): 204; 409 `not_frozen`. Its outboxes end: it goes on with a fresh one.
    pub struct UnfreezeStation {
        /// Why it may work again; kept in the audit.
        pub note: String,
    }
}

wire! {
    /// `POST /api/v1/stations/{id}/replace` (admin): 200 [`ReplacedStation`]. The old key stops at once, its outboxes end.
    pub struct ReplaceStation {
        /// Why; kept in the audit.
        pub note: String,
    }
}

wire! {
    /// The machine that takes the place enters the code.
    pub struct ReplacedStation {
        pub code: GivenCode,
        /// Numbers lent to it that no board has, as far as the server knows; the first thousand.
        pub unused_numbers: Vec<String>,
    }
}

wire! {
    /// `PUT /api/v1/stations/{id}/assignment` (engineer, quality, admin); null batch withdraws it. 422 `invalid` for a slot that the
    /// station has not.
    pub struct Assign {
        pub batch_id: Option<BatchId>,
        /// Slots that this is for, each from 1: they work a batch of their own, or (null) the station's again. None named: the whole
        /// station, whatever its slots worked before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub slots: Vec<u16>,
        /// Account name of whoever works at the jig; where none is named, records name whoever assigned the batch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub operator: Option<String>,
    }
}

wire! {
    /// `GET /api/v1/station/work`: what each slot works. A server of the version before answers 404 and knows one [`Assignment`] a station.
    #[derive(Default)]
    pub struct StationWork {
        /// Of every slot that is not named below; none: there is no work for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub all: Option<Assignment>,
        /// Slots with a batch of their own, each once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub slots: Vec<SlotWork>,
        /// The reference boards in use, in the order of what they show: a station knows them when the server is away.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub references: Vec<KnownReference>,
        /// Who may sign in at a jig.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub people: Vec<JigPerson>,
        /// Batches that a slot may be changed over to at the jig: with units left to make, not held, for boards of this station's kind.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub open: Vec<OpenOrder>,
        /// Runs whose wire log somebody wants to see: to be sent, or said to be gone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub wire_logs: Vec<RunId>,
    }
}

/// Runs in [`StationWork::wire_logs`]; the next ones are named once these are there.
pub const MOST_WANTED_LOGS: usize = 20;

wire! {
    /// A slot with a batch of its own.
    pub struct SlotWork {
        /// From 1.
        pub slot: u16,
        pub work: Assignment,
    }
}

impl StationWork {
    /// What a slot works.
    #[must_use]
    pub fn of(&self, slot: u16) -> Option<&Assignment> {
        let own = self.slots.iter().find(|own| own.slot == slot);
        own.map(|own| &own.work).or(self.all.as_ref())
    }
}

wire! {
    /// `GET /api/v1/station/assignment`, of stations that work one batch in all their slots: 200, or 204 where there is none, or where
    /// slots have batches of their own, of which such a station knows nothing.
    pub struct Assignment {
        pub station_id: StationId,
        pub station_name: String,
        pub batch_id: BatchId,
        pub batch_name: String,
        pub bundle: ContentHash,
        pub quantity: u32,
        pub operator: String,
        /// Fails in a row behind which a board waits for a rework entry.
        #[serde(default = "fails_allowed")]
        pub fails_allowed: u8,
        /// What the batch's order says of the parameters that the profile leaves to it.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        pub order_values: OrderValues,
        /// The form of the labels that its boards bring, each its unit's number; none: numbers are lent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<LabelForm>,
        /// When its units' labels are printed.
        #[serde(default, skip_serializing_if = "LabelMode::is_none")]
        pub label_mode: LabelMode,
        /// Who ordered it, for its labels.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub customer: String,
        /// What it asks of the jig beyond its boards.
        #[serde(default, skip_serializing_if = "FloorRules::is_none")]
        pub floor: FloorRules,
        /// Quality holds it: no board of it is begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hold: Option<BatchHold>,
    }
}

wire! {
    /// `POST /api/v1/station/labels`: how the labels of units stand that passed at this station, at most [`MOST_LABEL_NEWS`]: 204. The same
    /// again changes nothing, and what is older than what is known neither. 422 `invalid` for more.
    pub struct TellLabels {
        pub labels: Vec<LabelNews>,
    }
}

/// Labels in one [`TellLabels`].
pub const MOST_LABEL_NEWS: usize = 100;

wire! {
    /// `POST /api/v1/station/serial-blocks`: lends numbers of the batch, and grants shares of its quantity. 409 `quota_spent` to a
    /// station that states no account, when nothing of the batch is left.
    pub struct LeaseSerialBlock {
        pub batch_id: BatchId,
        /// Made by the station, so that asking twice gives the same block.
        pub block_id: SerialBlockId,
        /// Numbers wanted, 1..=1000; fewer may be lent.
        pub count: u32,
        /// None: a station of the version before, which knows no shares.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub share: Option<ShareStatement>,
    }
}

wire! {
    /// A block of numbers, whole texts in order.
    pub struct SerialBlock {
        pub block_id: SerialBlockId,
        pub batch_id: BatchId,
        pub serials: Vec<String>,
        /// None: a server of the version before, or a question without an account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub share: Option<ShareGrant>,
        /// Numbers of this batch that the station was lent and that were scrapped since: no board gets them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub scrapped: Vec<String>,
    }
}

wire! {
    /// `POST /api/v1/station/serial-blocks/return`: a station gives back what it does not use of a batch: [`ShareGrant`].
    pub struct ReturnShare {
        pub batch_id: BatchId,
        pub share: ShareStatement,
    }
}

wire! {
    /// A station's account of one batch, since its journal file was made: see [`crate::quota`]. Every counter only grows.
    #[derive(Copy, Eq)]
    pub struct ShareStatement {
        pub outbox_id: OutboxId,
        /// Shares that the station wants in hand, those of boards under work among them; at most [`MOST_SHARES`].
        pub wanted: u32,
        pub started: u64,
        /// Starts that ended with a pass.
        pub consumed: u64,
        /// Starts that ended otherwise.
        pub released: u64,
        /// Shares given back.
        pub returned: u64,
        /// Passes whose records the server has acknowledged.
        pub settled: u64,
    }
}

/// Shares that a station has in hand at most.
pub const MOST_SHARES: u32 = 1000;

wire! {
    /// The server's account of the same. Every counter only grows.
    #[derive(Copy, Eq)]
    pub struct ShareGrant {
        pub granted: u64,
        /// The highest that the station stated.
        pub returned: u64,
        /// Passes that the server holds.
        pub settled: u64,
        /// An administrator gave its shares to others: no pass of it counts any more.
        pub written_off: bool,
    }
}

wire! {
    /// `POST /api/v1/station/admission`: may this board be worked? 200 [`Admission`].
    pub struct AskAdmission {
        pub batch_id: BatchId,
        pub operation: String,
        pub identifiers: Vec<Identifier>,
    }
}

wire! {
    /// `POST /api/v1/station/live`, once a second: 204. `GET /api/v1/line` gives all of them now,
    /// `GET /api/v1/line/events` as server-sent events (`event: line`, data: [`LineView`]), coalesced to one a second.
    pub struct LineView {
        pub stations: Vec<LineStation>,
    }
}

wire! {
    /// One station of the line.
    pub struct LineStation {
        pub station: StationRow,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub live: Option<StationLive>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch: Option<crate::api::batches::BatchView>,
        /// Other batches that its slots work or are to work.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub more_batches: Vec<crate::api::batches::BatchView>,
    }
}
