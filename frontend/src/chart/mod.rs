//! Charts: geometry as pure functions, drawn as SVG by the pages. Everything is labelled where it stands.

pub mod cells;
pub mod limits;
pub mod pareto;
