//! The catalogue.
use super::Fault;
use crate::step::Step;
wire! {
    /// The language a person reads.
    #[derive(Copy, Eq, Hash)]
    pub enum Language { En, Zh }
}
/// What went wrong.
#[must_use]
pub fn fault_text(_language: Language, fault: &Fault) -> String {
    format!("{:?}", fault.code)
}
/// What to do next.
#[must_use]
pub fn fault_next_step(_language: Language, _fault: &Fault) -> String {
    String::new()
}
/// A step's title.
#[must_use]
pub fn step_title(_language: Language, step: Step) -> &'static str {
    step.as_str()
}
