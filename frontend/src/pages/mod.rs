//! One file a page. Those of `later` are fetched when one of them is first opened.

mod batch_report;
mod batches;
mod decision;
mod enrol_code;
mod floor;
mod handover;
mod later;
mod leases;
mod ledger;
mod line;
mod new_batch;
mod not_found;
mod note_form;
mod people;
mod profile;
mod profiles;
mod quarantine;
mod references;
mod replay;
mod run;
mod sign_in;
mod slot_card;
mod station;
mod stations;
mod unit;
mod units;

pub use batches::batches;
pub use later::{Care, Later, Plan, later};
pub use leases::leases;
pub use line::line;
pub use not_found::not_found;
pub use run::run;
pub use sign_in::sign_in;
pub use unit::unit;
pub use units::{Hidden, units};
