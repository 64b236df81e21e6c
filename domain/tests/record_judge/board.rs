//! Which board it was: a pass shows one that the profile is made for.

use super::{BirthRecord, RecordDoubt, expected, sound};
use jigline_domain::record::judge_record;

#[test]
fn a_pass_shows_a_board_that_the_profile_is_made_for() {
    let mut made_for = expected();
    let mut of = |boards: &[&str]| {
        made_for.boards = boards.iter().map(|board| (*board).to_owned()).collect();
        made_for.clone()
    };
    let unread = BirthRecord { shows: None, ..sound() };
    let doubt = [RecordDoubt::BoardOfAnotherVariant];
    for (expected, read, of_nobody) in [
        (of(&["TBA-32S-R2-40A"]), true, false),
        (of(&["TBA-32S-R2-200A", "TBA-32S-R2-4"]), true, false),
        (of(&["TBA-32S-R2-200A"]), false, false),
        // It says less than is asked.
        (of(&["TBA-32S-R2-40A-B"]), false, false),
        (of(&[]), true, true),
    ] {
        for (record, is_sound) in [(sound(), read), (unread.clone(), of_nobody)] {
            let doubts = judge_record(&record, &expected);
            assert_eq!(doubts, if is_sound { &[][..] } else { &doubt[..] }, "{:?}", expected.boards);
        }
    }
}

#[test]
fn a_pass_shows_as_many_cells_as_the_product_has_where_its_model_counts_them() {
    let mut counting = expected();
    for (wanted, found, is_sound) in [
        (None, None, true),
        (None, Some(12), true),
        (Some(12), Some(12), true),
        (Some(12), Some(11), false),
        (Some(12), None, false),
    ] {
        counting.cells = wanted;
        let mut record = sound();
        record.shows.as_mut().unwrap().cells = found;
        let doubts = judge_record(&record, &counting);
        let doubt = [RecordDoubt::BoardOfAnotherVariant];
        assert_eq!(doubts, if is_sound { &[][..] } else { &doubt[..] }, "{wanted:?} {found:?}");
    }
    counting.cells = Some(12);
    let unread = BirthRecord { shows: None, ..sound() };
    assert_eq!(judge_record(&unread, &counting), [RecordDoubt::BoardOfAnotherVariant]);
}
