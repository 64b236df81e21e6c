use super::*;

fn row(text: &str) -> Result<FrameRow, FrameRowFault> {
    FrameRow::try_from(text.to_owned())
}

#[test]
fn a_row_reads_like_the_vendors_paper_and_is_written_back_as_it_stood() {
    let text = "7E 21 address 46 register length_ydt data negated_sum16 0D";
    let parsed = row(text).unwrap();
    assert_eq!(parsed.parts().len(), 9);
    assert_eq!(parsed.parts()[0], FramePart::Bytes(vec![0x7E]));
    assert_eq!(String::from(parsed), text);
    let number = |bytes, is_low_first| FrameNumber { bytes, is_low_first };
    let parsed = row("4E57 length:2+19 any:4 03 register:2le data:8 count:2 ( 68 ) sum16").unwrap();
    let expected = [
        FramePart::Bytes(vec![0x4E, 0x57]),
        FramePart::Length(number(2, false), 19),
        FramePart::Any(4),
        FramePart::Bytes(vec![3]),
        FramePart::Register(number(2, true)),
        FramePart::Data(Some(8)),
        FramePart::Count(number(2, false)),
        FramePart::CheckedFrom,
        FramePart::Bytes(vec![0x68]),
        FramePart::CheckedTo,
        FramePart::Check(FrameCheck::Sum16),
    ];
    assert_eq!(parsed.parts(), expected);
}

#[test]
fn a_row_that_nobody_could_find_on_a_line_is_refused_with_the_reason() {
    use FrameRowFault as F;
    for (text, fault) in [
        ("", F::Empty),
        ("DD A5 regsiter", F::Unknown("regsiter".to_owned())),
        ("DD A", F::Unknown("A".to_owned())),
        ("DD data:0", F::Unknown("data:0".to_owned())),
        ("DD register:3", F::Unknown("register:3".to_owned())),
        ("DD length+x data", F::Unknown("length+x".to_owned())),
        ("DD register register:2", F::Twice("register:2".to_owned())),
        ("register DD", F::Begins("register".to_owned())),
        ("DD data length", F::Endless),
        ("DD data 77", F::Endless),
        ("DD sum8 ( 77", F::Covers),
        ("DD ) 01 ( sum8", F::Covers),
    ] {
        assert_eq!(row(text), Err(fault), "{text}");
    }
}
