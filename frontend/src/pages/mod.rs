//! One file a page.

mod batch_report;
mod batches;
mod decision;
mod enrol_code;
mod leases;
mod ledger;
mod line;
mod not_found;
mod note_form;
mod profile;
mod profiles;
mod quarantine;
mod references;
mod run;
mod sign_in;
mod slot_card;
mod station;
mod stations;
mod unit;
mod units;

pub use batch_report::batch_report;
pub use batches::batches;
pub use leases::leases;
pub use ledger::ledger;
pub use line::line;
pub use not_found::not_found;
pub use profile::profile;
pub use profiles::profiles;
pub use quarantine::quarantine;
pub use references::references;
pub use run::run;
pub use sign_in::sign_in;
pub use station::station;
pub use stations::stations;
pub use unit::unit;
pub use units::{Hidden, units};
