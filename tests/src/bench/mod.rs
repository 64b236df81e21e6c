//! Benches: programs that measure what goals are set for, and say whether they are met.
//!
//! - `figures`: what every bench ends with.
//! - `models`: the device models that are measured.
//! - `loaders`: two loaders with their texts and times, frozen.
//! - `floor`: the least time that a session's bytes need, by a closed formula.
//! - `page`: the operator's page in a browser, in real time.
//! - `rig`: a board at the end of a line, and the station's link to it.
//! - `wire`: the sessions themselves.
//! - `shift`: a shift of one jig with one pair of hands, in virtual time.
//! - `station`: one station with all its slots, as programs in real time, and its backlog.

pub mod figures;
pub mod floor;
pub mod loaders;
pub mod models;
pub mod page;
pub mod rig;
pub mod shift;
pub mod station;
pub mod tap;
pub mod wire;
