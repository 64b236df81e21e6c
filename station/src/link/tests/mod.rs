//! The link against scripted boards, under a paused clock. Requests are counted from 0; the identity read is one request.

mod exchange;
mod jbd;
mod mischief;
pub(crate) mod peer;
mod requests;
mod rules;
mod serial_server;
