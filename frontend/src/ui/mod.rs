//! The page's widgets: own and few. Each is a function that gives a view.

mod badge;
mod copy;
mod form;
mod panel;
mod parts;
mod table;

pub use badge::{Tone, assumed, assumed_bundle, badge, lamp, lease_badge, outcome_badge, sync_badge};
pub use copy::copy_button;
pub use form::{
    Coming, check_field, choice_field, day_field, form, preview, scan_field, secret_field, text_field, typed,
};
pub use panel::{empty, fault_inline, fault_panel, part_missing, skeleton};
pub use parts::{moment, page_title, pager, progress, serial_link};
pub use table::{Column, bundle, button, fact, link, list, row, said, table};
