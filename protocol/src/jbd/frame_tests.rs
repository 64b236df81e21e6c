use super::password::{BadPassword, Password, PasswordCoding};
use super::*;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split([' ', ':']).map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// What a host sends and what it means. Sources: (a) JBD_REGISTER_MAP.md and device captures in syssi/esphome-jbd-bms,
/// docs/pdus/JBD-SP04S034-L4S-200A-B-U.txt and its _MOS.txt, (b) V11 chapters 3 to 6, (c) `BLE _bluetooth_protocol.md`.
fn published_requests() -> Vec<(&'static str, Request)> {
    let write = |register: u8, data: &[u8]| Request::Write { register, data: data.to_vec() };
    vec![
        ("DD 5A 00 02 56 78 FF 30 77", Request::enter_factory_mode()),
        ("DD 5A 01 02 28 28 FF AD 77", Request::leave_factory_mode_and_save()),
        ("DD:5A:01:02:00:00:FF:FD:77", Request::leave_factory_mode_without_saving()),
        ("DD:A5:03:00:FF:FD:77", Request::Read { register: 0x03 }),
        ("DD:A5:04:00:FF:FC:77", Request::Read { register: 0x04 }),
        ("DD:A5:05:00:FF:FB:77", Request::Read { register: 0x05 }),
        ("DD A5 AA 00 FF 56 77", Request::Read { register: 0xAA }),
        ("DD:5A:E1:02:00:01:FF:1C:77", write(0xE1, &[0, 1])),
        ("DD:5A:E1:02:00:02:FF:1B:77", write(0xE1, &[0, 2])),
        ("DD 5A FB 02 01 01 FF 01 77", write(0xFB, &[1, 1])),
        ("DD A5 FA 03 00 01 02 FF 00 77", Request::ReadBlock { start: 1, count: 2 }),
        ("DD A5 FA 03 00 38 10 FE BB 77", Request::ReadBlock { start: 0x38, count: 0x10 }),
    ]
}

#[test]
fn published_requests_are_built_and_read_byte_for_byte() {
    for (hex, request) in published_requests() {
        assert_eq!(request.encode(&[]).unwrap(), bytes(hex), "{hex}");
        assert_eq!(Request::decode(&bytes(hex)), Ok(request), "{hex}");
    }
}

#[test]
fn captured_answers_are_built_and_read_byte_for_byte() {
    // A JBD-SP04S034: basic information, four cells, the hardware's name, and acknowledgements (syssi/esphome-jbd-bms,
    // docs/pdus); the example of V11 for basic information of fifteen cells; a refusal (OverkillSolarBMS,
    // Capacity_parameter_registers.md: "dd [register] 80 00 ff 80 77").
    let answers = [
        "DD:03:00:1D:06:18:00:00:01:F2:01:F4:00:00:2C:7C:00:00:00:00:00:00:80:64:03:04:03:0B:8B:0B:8A:0B:84:FA:8D:77",
        "DD 03 00 1B 17 00 00 00 02 D0 03 E8 00 00 20 78 00 00 00 00 00 00 10 48 03 0F 02 0B 76 0B 82 FB FF 77",
        "DD 03 00 1B 05 34 00 00 19 AB 27 10 00 00 2A 75 00 00 00 00 00 00 20 42 03 04 02 09 7F 0B A3 FC 71 77",
        "DD:04:00:08:0F:45:0F:3D:0F:37:0F:3D:FE:C6:77",
        "DD 04 00 1E 0F 66 0F 63 0F 63 0F 64 0F 3E 0F 63 0F 37 0F 5B 0F 65 0F 3B 0F 63 0F 63 0F 3C 0F 66 0F 3D F9 F9 77",
        "DD:05:00:19:4A:42:44:2D:53:50:30:34:53:30:33:34:2D:4C:34:53:2D:32:30:30:41:2D:42:2D:55:FA:08:77",
        "DD AA 00 18 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 FF E8 77",
        "DD FA 00 07 00 01 02 0F A0 10 36 FF 01 77",
        "DD:E1:00:00:00:00:77",
        "DD:01:00:00:00:00:77",
        "DD 12 80 00 FF 80 77",
    ];
    for hex in answers {
        let reply =
            Reply::decode(&bytes(hex), EmptyAnswers::Summed).unwrap_or_else(|fault| panic!("{hex}: {fault}"));
        assert_eq!(reply.encode(&[]).unwrap(), bytes(hex), "{hex}");
    }
    let cells = Reply::decode(&bytes(answers[3]), EmptyAnswers::Summed).unwrap();
    assert_eq!((cells.register, cells.status), (4, Status::Done));
    assert_eq!(words(&cells.data), [3909, 3901, 3895, 3901], "millivolts");
    let name = Reply::decode(&bytes(answers[5]), EmptyAnswers::Summed).unwrap();
    assert_eq!(name.data, b"JBD-SP04S034-L4S-200A-B-U");
    let refused = Reply::decode(&bytes(answers[10]), EmptyAnswers::Summed).unwrap();
    assert_eq!(refused.status, Status::NoSuchCommand);
}

#[test]
fn an_answer_without_its_sum_is_taken_only_where_the_model_says_so_and_only_without_data() {
    let denied = bytes("DD 00 81 00 00 00 77");
    assert_eq!(
        Reply::decode(&denied, EmptyAnswers::Summed),
        Err(FrameError::Checksum { got: 0, want: 0xFF7F })
    );
    let reply = Reply::decode(&denied, EmptyAnswers::MayBeUnsummed).unwrap();
    assert_eq!((reply.register, reply.status), (0, Status::InvalidOperation));
    for hex in ["DD 00 81 00 00 01 77", "DD 03 00 01 05 00 00 77"] {
        assert!(matches!(
            Reply::decode(&bytes(hex), EmptyAnswers::MayBeUnsummed),
            Err(FrameError::Checksum { .. })
        ));
    }
}

#[test]
fn passwords_are_framed_as_captured_and_never_shown() {
    // A phone's log-in with 000000 and V13's example with 765828; both digits as bytes.
    let login = |text: &str| {
        Request::use_password(&Password::parse(text, PasswordCoding::Digits).unwrap()).encode(&[]).unwrap()
    };
    assert_eq!(login("000000"), bytes("DD 5A 06 07 06 00 00 00 00 00 00 FF ED 77"));
    assert_eq!(login("765828"), bytes("DD 5A 06 07 06 07 06 05 08 02 08 FF C9 77"));
    let parse = |text: &str| Password::parse(text, PasswordCoding::Ascii).unwrap();
    let change = Request::set_password(&parse("abc123"), &parse("xyz789"));
    let Request::Write { register: 0x07, data } = &change else { panic!("{change:?}") };
    assert_eq!(data[..], [&[12][..], b"abc123", b"xyz789"].concat());
    let shown = format!("{change:?} {:?}", parse("abc123"));
    assert!(!shown.contains("61") && !shown.contains("97") && !shown.contains("abc"), "{shown}");
    assert_eq!(Password::parse("12345", PasswordCoding::Digits), Err(BadPassword::Length));
    assert_eq!(Password::parse("12345a", PasswordCoding::Digits), Err(BadPassword::Digits));
    assert_eq!(Password::parse("1234\u{e9}", PasswordCoding::Ascii), Err(BadPassword::Ascii));
}

#[test]
fn blocks_keep_their_limits_both_ways() {
    let read = |start: u16, count: u8| Request::ReadBlock { start, count }.encode(&[]);
    assert_eq!(read(0, 96), Err(FrameError::Block(96)));
    assert_eq!(read(0, 0), Err(FrameError::Block(0)));
    assert_eq!(read(65_535, 2), Err(FrameError::BeyondLast { start: 65_535, count: 2 }));
    assert!(read(65_535, 1).is_ok());
    let write = Request::WriteBlock { start: 1, values: vec![0x0A0B] };
    // V11's own example: length 5, parameter 1, one register, 0A0B.
    assert_eq!(write.encode(&[]).unwrap()[..9], bytes("DD 5A FA 05 00 01 01 0A 0B"));
    assert_eq!(Request::Read { register: BLOCK }.encode(&[]), Err(FrameError::Block(0)));
    assert_eq!(
        Request::Write { register: 0x10, data: vec![0; 256] }.encode(&[]),
        Err(FrameError::DataLength(256))
    );
    // A read that carries data, and a block whose count and data differ, are no requests.
    let mut odd = vec![START, READ, 0x03, 1, 9];
    close(&mut odd, &[]);
    assert_eq!(Request::decode(&odd), Err(FrameError::DataLength(1)));
    let mut odd = vec![START, WRITE, BLOCK, 5, 0, 1, 2, 9, 9];
    close(&mut odd, &[]);
    assert_eq!(Request::decode(&odd), Err(FrameError::Block(5)));
}

#[test]
fn a_callback_is_at_most_four_bytes_and_does_not_look_like_a_frame() {
    let read = Request::Read { register: 3 };
    assert_eq!(read.encode(&[1, 2, 3, 4]).unwrap(), bytes("DD A5 03 00 FF FD 77 01 02 03 04"));
    assert_eq!(read.encode(&[0; 5]), Err(FrameError::Callback(5)));
    assert_eq!(read.encode(&[START]), Err(FrameError::Callback(1)));
}

fn any_request() -> impl Strategy<Value = Request> {
    let register =
        || any::<u8>().prop_filter("blocks have requests of their own", |register| *register != BLOCK);
    prop_oneof![
        register().prop_map(|register| Request::Read { register }),
        (register(), proptest::collection::vec(any::<u8>(), 0..=255))
            .prop_map(|(register, data)| Request::Write { register, data }),
        (0_u16..=65_440, 1..=MAX_BLOCK).prop_map(|(start, count)| Request::ReadBlock { start, count }),
        (0_u16..=65_440, proptest::collection::vec(any::<u16>(), 1..=usize::from(MAX_BLOCK)))
            .prop_map(|(start, values)| Request::WriteBlock { start, values }),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let status = prop_oneof![Just(0), 0x80_u8..=0x8F].prop_map(|number| Status::from_number(number).unwrap());
    (any::<u8>(), status, proptest::collection::vec(any::<u8>(), 0..=255))
        .prop_map(|(register, status, data)| Reply { register, status, data })
}

proptest! {
    #[test]
    fn every_request_reads_back_as_written(request in any_request()) {
        prop_assert_eq!(Request::decode(&request.encode(&[]).unwrap()), Ok(request));
    }

    #[test]
    fn every_answer_reads_back_as_written(reply in any_reply()) {
        for empty in [EmptyAnswers::Summed, EmptyAnswers::MayBeUnsummed] {
            prop_assert_eq!(Reply::decode(&reply.encode(&[]).unwrap(), empty), Ok(reply.clone()));
        }
    }

    #[test]
    fn one_flipped_bit_spoils_every_frame_but_for_the_register_of_an_answer(
        reply in any_reply(), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let mut frame = reply.encode(&[]).unwrap();
        let at = at.index(frame.len());
        frame[at] ^= 1 << bit;
        // The sum of an answer begins behind its register: only the comparison with the question catches that.
        prop_assert_eq!(Reply::decode(&frame, EmptyAnswers::Summed).is_ok(), at == 1);
    }
}
