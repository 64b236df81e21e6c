//! What both pages ask of the browser: the language, how the page looks in it, and what is remembered of a person's choices.
//!
//! What lives here: nothing that knows a page. What never does: words (each page has its own catalogue), views.

pub mod language;
pub mod remembered;
