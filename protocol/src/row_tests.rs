//! Frames that others printed, taken apart and put together by the rows that describe their framing.

use super::*;
use proptest::prelude::*;

const BYTE: Word = Word { bytes: 1, order: Order::HighFirst };
const WORD: Word = Word { bytes: 2, order: Order::HighFirst };
const WORD_LOW_FIRST: Word = Word { bytes: 2, order: Order::LowFirst };

fn bytes(printed: &str) -> Vec<u8> {
    let digits: Vec<u32> = printed.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn literal(printed: &str) -> Part {
    Part::Bytes(bytes(printed))
}

/// `7E VER ADR 46 CID2|RTN LENGTH INFO CHKSUM 0D`.
fn ydt(version: &str, third: Part) -> Row {
    let check = Part::Check(Check::NegatedSum16);
    Row::new(
        Coding::HexText,
        vec![
            literal("7E"),
            Part::CheckedFrom,
            literal(version),
            Part::Address,
            literal("46"),
            third,
            Part::LengthYdt,
            Part::Data(None),
            check,
            literal("0D"),
        ],
    )
}

/// `4E57 length terminal(4) command source type code [value] record(4) 68 0000 sum`.
fn jk(command_source_type: &str) -> Row {
    Row::new(
        Coding::Binary,
        vec![
            literal("4E57"),
            Part::Length(WORD, 19),
            Part::Any(4),
            literal(command_source_type),
            Part::Register(BYTE),
            Part::Data(None),
            Part::Any(4),
            literal("68"),
            Part::CheckedTo,
            Part::Any(2),
            Part::Check(Check::Sum16),
        ],
    )
}

fn daly(sender: &str) -> Row {
    let parts = vec![
        literal("A5"),
        literal(sender),
        Part::Register(BYTE),
        literal("08"),
        Part::Data(Some(8)),
        Part::Check(Check::Sum8),
    ];
    Row::new(Coding::Binary, parts)
}

#[test]
fn ascii_frames_of_a_storage_board_are_found_and_made_as_they_were_captured() {
    // kekemar/TopBMS_To_Domoticz@f74f610: a request for pack 1 and its answer, whose version is another one.
    let (request, answer) = (ydt("21", Part::Register(BYTE)), ydt("52", Part::Status));
    let fields = Fields { address: Some(1), register: Some(0x42), data: vec![1], ..Fields::default() };
    let frame = b"~21014642E00201FD34\r".to_vec();
    assert_eq!(request.encode(&fields), Ok(frame.clone()));
    assert_eq!(request.decode(&frame), Some(fields));
    assert_eq!(answer.decode(&frame), None, "a request is no answer");
    let captured =
        b"~52014600408401100D120D150D0F0D0D0D130D160D150D210D130D130D130D130D100D160D170D2306003D003E003E00\
        3E003B003B018014EE33B3063A9800025864000000000000E20A\r";
    let found = answer.decode(captured).unwrap();
    assert_eq!((found.address, found.status, found.data.len()), (Some(1), Some(0), 66));
    assert_eq!(found.data[..4], [0x01, 0x10, 0x0D, 0x12]);
    assert_eq!(answer.encode(&found).unwrap(), captured);
    // Every prefix may become it; a digit that is none, a length that does not check, an even byte too few are not it.
    for end in 0..captured.len() {
        let length = answer.announced(&captured[..end]);
        assert!(matches!(length, Announced::NeedMore | Announced::Length(_)), "{end}: {length:?}");
    }
    assert_eq!(answer.announced(captured), Announced::Length(captured.len()));
    for (at, byte) in [(3, b'g'), (9, b'5'), (10, b'3')] {
        let mut damaged = captured.to_vec();
        damaged[at] = byte;
        assert_eq!((answer.announced(&damaged), answer.decode(&damaged)), (Announced::Unknown, None), "{at}");
    }
}

#[test]
fn jk_frames_count_all_but_their_start_and_are_summed_to_their_end_mark() {
    // syssi/esphome-jk-bms@2fa4323:docs/protocol-design-uart-ttl-gps-port.md, read all.
    let read_all = bytes("4E57 0013 00000000 06 03 00 00 00000000 68 0000 0129");
    let row = jk("060300");
    let fields = Fields { register: Some(0), ..Fields::default() };
    assert_eq!(row.encode(&fields), Ok(read_all.clone()));
    assert_eq!(row.decode(&read_all), Some(fields));
    let write = Fields { register: Some(0x9E), data: vec![0, 0x46], ..Fields::default() };
    let frame = jk("020300").encode(&write).unwrap();
    assert_eq!((frame.len(), &frame[..4]), (23, &[0x4E, 0x57, 0x00, 0x15][..]));
    assert_eq!(jk("020300").decode(&frame), Some(write));
    assert_eq!(row.decode(&frame), None, "another command");
}

#[test]
fn frames_of_one_length_are_filled_and_known_by_their_marks_and_sum() {
    // syssi/esphome-daly-bms and maland16/daly-bms-uart: voltage, current and charge of a Daly board.
    let ask = bytes("A5 40 90 08 00 00 00 00 00 00 00 00 7D");
    let fields = Fields { register: Some(0x90), ..Fields::default() };
    assert_eq!(daly("40").encode(&fields), Ok(ask.clone()));
    let full = Fields { data: vec![0; 8], ..fields };
    assert_eq!(daly("40").decode(&ask), Some(full));
    assert_eq!(daly("40").announced(&ask[..3]), Announced::Length(13));
    assert_eq!(daly("01").announced(&ask[..3]), Announced::Unknown, "a board's frame bears 01");
    let long = Fields { register: Some(0x90), data: vec![0; 9], ..Fields::default() };
    assert_eq!(daly("40").encode(&long), Err(RowError::DataLength(9)));
}

#[test]
fn what_a_frame_has_no_room_for_or_misses_is_refused() {
    let row = jk("060300");
    assert_eq!(row.encode(&Fields::default()), Err(RowError::Missing));
    let wide = Fields { register: Some(0x100), ..Fields::default() };
    assert_eq!(row.encode(&wide), Err(RowError::Number(0x100)));
    let silent = Row::new(Coding::Binary, vec![literal("55"), Part::Register(BYTE)]);
    let fields = Fields { register: Some(1), data: vec![1], ..Fields::default() };
    assert_eq!(silent.encode(&fields), Err(RowError::DataLength(1)));
    let endless = Fields { register: Some(1), data: vec![0; 3000], ..Fields::default() };
    assert_eq!(row.encode(&endless), Err(RowError::DataLength(3000)));
}

#[test]
fn low_bytes_come_first_where_a_row_says_so() {
    let row = Row::new(
        Coding::Binary,
        vec![literal("AA09"), Part::Register(WORD_LOW_FIRST), Part::Count(WORD), Part::Check(Check::Crc16)],
    );
    let fields = Fields { register: Some(0x0102), count: Some(3), ..Fields::default() };
    let frame = row.encode(&fields).unwrap();
    assert_eq!(frame[..6], [0xAA, 0x09, 0x02, 0x01, 0x00, 0x03]);
    // Over a frame with its own CRC behind it the CRC is zero.
    assert_eq!(crc16_modbus(&frame), 0);
    assert_eq!(row.decode(&frame), Some(fields));
}

/// Any row that a model could describe, and fields for it.
fn rows() -> impl Strategy<Value = (Row, Fields)> {
    let check = prop_oneof![
        Just(Check::Sum8),
        Just(Check::Sum16),
        Just(Check::NegatedSum16),
        Just(Check::Crc16),
        Just(Check::Crc16HighFirst)
    ];
    let length = prop_oneof![
        (0..40_u16).prop_map(|more| Part::Length(WORD, more)),
        Just(Part::LengthYdt),
        Just(Part::Length(WORD_LOW_FIRST, 0))
    ];
    let coding = prop_oneof![Just(Coding::Binary), Just(Coding::HexText)];
    let numbers = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u8>());
    let data = prop::collection::vec(any::<u8>(), 0..60);
    (coding, check, length, numbers, data, any::<bool>()).prop_map(
        |(coding, check, length, (address, function, register, status), data, fixed)| {
            let mut parts = vec![literal("7E"), Part::CheckedFrom, Part::Address, Part::Function];
            parts.extend([Part::Register(WORD), Part::Status, Part::Any(1)]);
            let mut held = data;
            if fixed {
                held.resize(60, 0);
                parts.push(Part::Data(Some(60)));
            } else {
                parts.extend([length, Part::Data(None)]);
            }
            parts.extend([Part::CheckedTo, Part::Check(check), literal("0D")]);
            let fields = Fields {
                address: Some(address),
                function: Some(function),
                register: Some(register),
                status: Some(status),
                data: held,
                ..Fields::default()
            };
            (Row::new(coding, parts), fields)
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_put_into_a_frame_comes_out_of_it((row, fields) in rows()) {
        let frame = row.encode(&fields).unwrap();
        prop_assert_eq!(frame.len(), row.wire_length(fields.data.len()));
        prop_assert_eq!(row.announced(&frame), Announced::Length(frame.len()));
        prop_assert_eq!(row.decode(&frame), Some(fields));
        for end in 0..frame.len() {
            prop_assert!(row.announced(&frame[..end]) != Announced::Unknown);
            prop_assert_eq!(row.decode(&frame[..end]), None);
        }
    }

    #[test]
    fn a_flipped_bit_is_never_taken_for_the_same_frame((row, fields) in rows(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut frame = row.encode(&fields).unwrap();
        let at = at.index(frame.len());
        frame[at] ^= 1 << bit;
        // What says nothing may be anything; all the rest stands under a mark or the check.
        prop_assert_ne!(row.decode(&frame), Some(fields));
    }

    #[test]
    fn no_bytes_whatever_break_a_row((row, _) in rows(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (row.announced(&noise), row.decode(&noise));
    }
}
