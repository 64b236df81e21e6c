//! The agent at a production jig.

pub mod board;
pub mod flash;
pub mod link;
pub mod tool;
