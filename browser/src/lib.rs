//! What both pages ask of the browser: the language, how the page looks in it, and what is remembered of a person's choices; and the one view
//! that both show, the replay of a line.
//!
//! What lives here: nothing that knows a page. What never does: words but the replay's (each page has its own catalogue), other views.

pub mod language;
pub mod remembered;
pub mod replay;
