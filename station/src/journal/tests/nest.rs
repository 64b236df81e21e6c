//! Nests in the journal: each board that was clamped in counts once.

use super::Desk;

#[test]
fn a_board_in_its_nest_counts_once_whatever_becomes_of_the_program() {
    let mut desk = Desk::new();
    let contacts = |desk: &Desk, nest: &str| desk.journal().contacts(nest).unwrap();
    assert_eq!(contacts(&desk, "N-1"), 0);
    desk.journal().note_clamp("N-1", false).unwrap();
    assert_eq!(contacts(&desk, "N-1"), 0, "it was empty when it was seen first");
    for board in 1..=3 {
        desk.journal().note_clamp("N-1", true).unwrap();
        assert_eq!(contacts(&desk, "N-1"), board);
        // The program starts again, and sees it lie there.
        desk.reopen();
        desk.journal().note_clamp("N-1", true).unwrap();
        assert_eq!(contacts(&desk, "N-1"), board);
        desk.journal().note_clamp("N-1", false).unwrap();
    }
    desk.journal().note_clamp("N-2", true).unwrap();
    assert_eq!((contacts(&desk, "N-1"), contacts(&desk, "N-2")), (3, 1), "each nest by itself");
}
