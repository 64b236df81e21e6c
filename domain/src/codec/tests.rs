//! Tests of the codec: examples typed by hand, then the two promises as properties.

use super::*;
use crate::model::{Bilingual, NamedBit, NamedValue};
use proptest::prelude::*;

fn title() -> Bilingual {
    Bilingual { en: String::new(), zh: String::new() }
}

fn register(kind: RegisterKind) -> Register {
    Register { parameter: true, ..Register::new("r", 0, kind) }
}

fn ascii(kind: RegisterKind, count: u16) -> Register {
    Register { count: Some(count), ..register(kind) }
}

fn named(bits: &[u8]) -> Vec<NamedBit> {
    bits.iter().map(|bit| NamedBit { bit: *bit, name: format!("bit_{bit}"), title: title() }).collect()
}

fn chemistry() -> Register {
    let option = |raw, name: &str| NamedValue { raw, name: name.to_owned(), title: title() };
    Register { options: vec![option(0, "li_ion"), option(2, "lto")], ..register(RegisterKind::Enum) }
}

/// Both ways at once.
fn pair(register: &Register, raw: &[u16], value: impl Into<Value>) {
    let value = value.into();
    assert_eq!(decode(register, raw).unwrap(), value);
    assert_eq!(encode(register, &value).unwrap(), raw);
}

#[test]
fn numbers_are_scaled_without_a_rounding_error() {
    let volts = Register { scale: 0.01, unit: "V".to_owned(), ..register(RegisterKind::U16) };
    pair(&volts, &[2753], 27.53);
    pair(&volts, &[365], 3.65);
    let celsius = Register { scale: 0.1, ..register(RegisterKind::I16) };
    pair(&celsius, &[0xFFF3], -1.3);
    // JBD counts temperatures in tenths of a kelvin: 2981 is 25.0 degrees (published register map: raw - 2731).
    let kelvin = Register { scale: 0.1, offset: -273.1, ..register(RegisterKind::U16) };
    pair(&kelvin, &[2981], 25.0);
    // Daly counts current from 30000 in 0.1 A.
    let daly = Register { scale: 0.1, offset: -3000.0, ..register(RegisterKind::U16) };
    pair(&daly, &[29_800], -20.0);
    let inverted = Register { scale: -1.0, ..register(RegisterKind::I16) };
    pair(&inverted, &[0xFFFF], 1.0);
}

#[test]
fn the_two_words_of_a_long_number_stand_as_the_model_says() {
    let high = register(RegisterKind::U32);
    // 1607224509 is 0x5FCC4CBD: a machine code of the listing.
    pair(&high, &[0x5FCC, 0x4CBD], 1_607_224_509.0);
    let low = Register { words: WordOrder::LowFirst, ..register(RegisterKind::U32) };
    pair(&low, &[0x4CBD, 0x5FCC], 1_607_224_509.0);
    pair(&register(RegisterKind::I32), &[0xFFFF, 0xB1E0], -20_000.0);
    // 3.65 as an IEEE 754 single is 0x4069999A.
    pair(&register(RegisterKind::F32), &[0x4069, 0x999A], 3.65);
}

#[test]
fn texts_come_without_their_padding_and_go_with_it() {
    pair(&ascii(RegisterKind::AsciiNul, 3), &[0x3132, 0x3334, 0x3536], "123456");
    pair(&ascii(RegisterKind::AsciiNul, 3), &[0x5442, 0x2D00, 0], "TB-");
    pair(&ascii(RegisterKind::AsciiSpace, 3), &[0x5442, 0x2D20, 0x2020], "TB-");
    pair(&ascii(RegisterKind::AsciiLength, 3), &[0x0354, 0x422D, 0], "TB-");
    pair(&ascii(RegisterKind::AsciiNul, 2), &[0, 0], "");
    assert_eq!(decode(&ascii(RegisterKind::AsciiNul, 2), &[0x4100, 0xFFFF]).unwrap(), Value::from("A"));
    assert!(matches!(
        decode(&ascii(RegisterKind::AsciiNul, 2), &[0x41FF, 0]),
        Err(CodecFault::Garbage { .. })
    ));
    assert!(matches!(
        decode(&ascii(RegisterKind::AsciiLength, 2), &[0x0441, 0]),
        Err(CodecFault::Garbage { .. })
    ));
    let too_long = encode(&ascii(RegisterKind::AsciiLength, 2), &Value::from("ABCD"));
    assert!(matches!(too_long, Err(CodecFault::TooLong { max: 3, found: 4, .. })));
    for text in ["TB ", "电", "A\0B"] {
        let fault = encode(&ascii(RegisterKind::AsciiSpace, 4), &Value::from(text));
        assert!(matches!(fault, Err(CodecFault::NotAscii { .. })), "{text:?}");
    }
}

#[test]
fn dates_options_and_bits_have_one_spelling_each() {
    // (2012 - 2000) << 9 | 12 << 5 | 31: the default date of the listing.
    pair(&register(RegisterKind::DatePacked), &[0x199F], "2012-12-31");
    pair(&register(RegisterKind::DatePacked), &[0], "");
    assert!(decode(&register(RegisterKind::DatePacked), &[0x19BF]).is_err());
    for text in ["2012-2-3", "2023-02-29", "1999-12-31", "2128-01-01", "today"] {
        assert!(encode(&register(RegisterKind::DatePacked), &Value::from(text)).is_err(), "{text}");
    }
    pair(&chemistry(), &[2], "lto");
    assert!(matches!(decode(&chemistry(), &[1]), Err(CodecFault::Garbage { .. })));
    let fault = encode(&chemistry(), &Value::from("LTO")).unwrap_err();
    assert_eq!(fault.to_string(), "r takes one of li_ion, lto; \"LTO\" is none of them");
    let bits = Register { bits: named(&[0, 1, 2, 3, 5, 7]), ..register(RegisterKind::Bits) };
    pair(&bits, &[0x00AF], "0x00AF");
    for text in ["0x3", "0x00af", "3", "0x+003", "0x00003", ""] {
        assert!(matches!(encode(&bits, &Value::from(text)), Err(CodecFault::NotBits { .. })), "{text}");
    }
}

#[test]
fn single_bytes_long_bit_fields_and_byte_dates_are_read_as_their_makers_print_them() {
    // JBD's state of charge: one byte of the basic information.
    pair(&register(RegisterKind::U8Low), &[0x0053], 83.0);
    assert!(encode(&register(RegisterKind::U8Low), &Value::Number(256.0)).is_err());
    assert!(decode(&register(RegisterKind::U8High), &[0x0100]).is_err(), "two bytes are no byte");
    // JK NW: a temperature above 100 is a negative one (protocol-design-uart-ttl-gps-port.md).
    let celsius = Register { negative_above: Some(100), ..register(RegisterKind::U16) };
    pair(&celsius, &[25], 25.0);
    pair(&celsius, &[100], 100.0);
    pair(&celsius, &[105], -5.0);
    assert!(encode(&celsius, &Value::Number(101.0)).is_err(), "it would read as -1");
    // And its current: a bit for "charging" (captures of two boards there: 80D0h is +2.08 A, 0045h is -0.69 A).
    let amperes = Register { negative_from: Some(0x8000), scale: -0.01, ..register(RegisterKind::U16) };
    pair(&amperes, &[0x80D0], 2.08);
    pair(&amperes, &[0x0045], -0.69);
    pair(&amperes, &[0], 0.0);
    assert_eq!(decode(&amperes, &[0x8000]), Ok(Value::Number(0.0)), "charging with nothing");
    assert!(encode(&amperes, &Value::Number(-327.68)).is_err(), "it would read as 0");
    let alarms = Register { bits: named(&[0, 31]), ..register(RegisterKind::Bits32) };
    pair(&alarms, &[0x8000, 0x0001], "0x80000001");
    assert!(encode(&alarms, &Value::from("0x0001")).is_err(), "eight digits, not four");
    // Daly's production date 20-08-15 (dalyModbusProtocol.xlsx): 14 08 0F 00.
    pair(&register(RegisterKind::DateBytes), &[0x1408, 0x0F00], "2020-08-15");
    pair(&register(RegisterKind::DateBytes), &[0, 0], "");
    assert!(decode(&register(RegisterKind::DateBytes), &[0x140D, 0x0F00]).is_err());
    assert!(decode(&register(RegisterKind::DateBytes), &[0x1408, 0x0F01]).is_err());
}

#[test]
fn bits_without_a_name_are_read_and_never_written() {
    let switches = Register { bits: named(&[0, 2]), ..register(RegisterKind::Bits) };
    pair(&switches, &[0x0005], "0x0005");
    assert_eq!(decode(&switches, &[0xFFFF]), Ok(Value::from("0xFFFF")));
    let fault =
        |register: &Register, text: &str| encode(register, &Value::from(text)).unwrap_err().to_string();
    assert_eq!(fault(&switches, "0xFFFF"), "r = 0xFFFF sets bits 0xFFFA, which the model does not name");
    let long = Register { bits: named(&[0, 31]), ..register(RegisterKind::Bits32) };
    pair(&long, &[0x8000, 0x0001], "0x80000001");
    assert_eq!(
        fault(&long, "0x80010001"),
        "r = 0x80010001 sets bits 0x00010000, which the model does not name"
    );
}

#[test]
fn a_date_of_four_bytes_ends_where_a_packed_one_does() {
    let date = register(RegisterKind::DateBytes);
    pair(&date, &[0x7F0C, 0x1F00], "2127-12-31");
    // 200 is the year 2200: nothing writes it, so nothing reads it.
    assert!(matches!(decode(&date, &[0xC801, 0x0100]), Err(CodecFault::Garbage { .. })));
    assert!(matches!(decode(&date, &[0x8001, 0x0100]), Err(CodecFault::Garbage { .. })));
    assert!(encode(&date, &Value::from("2128-01-01")).is_err());
}

#[test]
fn a_version_of_one_byte_is_read_as_two_digits() {
    // JBD: 0x10 is 1.0 (V11 chapter 3.1); a board in the field says 0x25.
    pair(&register(RegisterKind::Version), &[0x10], "1.0");
    pair(&register(RegisterKind::Version), &[0x25], "2.5");
    pair(&register(RegisterKind::Version), &[0xAF], "A.F");
    assert!(decode(&register(RegisterKind::Version), &[0x0110]).is_err(), "two bytes are no byte");
    for text in ["", "1", "10", "1.", "1.0.0", "1.g", "a.f", "+.1"] {
        assert!(encode(&register(RegisterKind::Version), &Value::from(text)).is_err(), "{text}");
    }
    assert_eq!(words_of(&register(RegisterKind::Version), &[0x25]), Some(vec![0x25]));
    assert_eq!(bytes_of(&register(RegisterKind::Version), &[0x25]), [0x25]);
}

#[test]
fn swapped_bytes_are_put_right_between_wire_and_words() {
    let swapped = Register { byte_order: ByteOrder::LowFirst, ..register(RegisterKind::U16) };
    assert_eq!(words_of(&swapped, &[0x34, 0x12]), Some(vec![0x1234]));
    assert_eq!(bytes_of(&swapped, &[0x1234]), [0x34, 0x12]);
    let odd = Register { bytes: Some(3), ..register(RegisterKind::AsciiNul) };
    assert_eq!(words_of(&odd, b"abc"), Some(vec![0x6162, 0x6300]));
    assert_eq!(bytes_of(&odd, &[0x6162, 0x6300]), b"abc");
    assert_eq!(words_of(&register(RegisterKind::U8Low), &[7]), Some(vec![7]));
}

#[test]
fn a_value_that_the_board_cannot_hold_is_refused_with_the_reason() {
    let volts = Register {
        scale: 0.01,
        unit: "V".to_owned(),
        min: Some(1.0),
        max: Some(60.0),
        ..register(RegisterKind::U16)
    };
    let fault = |value: f64| encode(&volts, &Value::Number(value)).unwrap_err().to_string();
    assert_eq!(fault(27.535), "r = 27.535 is not a whole number of its steps of 0.01 V");
    assert_eq!(fault(60.01), "r = 60.01 lies outside 1..60 V");
    assert_eq!(fault(0.99), "r = 0.99 lies outside 1..60 V");
    assert!(fault(f64::NAN).contains("outside"));
    assert_eq!(
        encode(&volts, &Value::from("27.5")).unwrap_err().to_string(),
        "r takes a number, not \"27.5\""
    );
    assert!(encode(&register(RegisterKind::U16), &Value::Number(65_536.0)).is_err());
    assert!(encode(&register(RegisterKind::U16), &Value::Number(-1.0)).is_err());
    assert!(encode(&register(RegisterKind::I32), &Value::Number(2_147_483_648.0)).is_err());
    assert!(encode(&register(RegisterKind::F32), &Value::Number(1e39)).is_err());
    assert!(matches!(
        decode(&register(RegisterKind::U32), &[1]),
        Err(CodecFault::WrongWidth { expected: 2, found: 1, .. })
    ));
}

fn any_register() -> impl Strategy<Value = Register> {
    use RegisterKind as K;
    let kind = prop::sample::select(vec![
        K::U8High,
        K::U8Low,
        K::Version,
        K::Bits32,
        K::DateBytes,
        K::U16,
        K::I16,
        K::U32,
        K::I32,
        K::F32,
        K::AsciiNul,
        K::AsciiSpace,
        K::AsciiLength,
        K::Bits,
        K::Enum,
        K::DatePacked,
    ]);
    let scale = prop::sample::select(vec![1.0, 0.1, 0.01, 0.001, 0.0001, 10.0, 0.5, -1.0]);
    let offset = prop::sample::select(vec![0.0, -40.0, -273.1, 1000.0]);
    let words = prop::sample::select(vec![WordOrder::HighFirst, WordOrder::LowFirst]);
    let wrap = prop::sample::select(vec![(None, None), (None, None), (Some(100), None), (None, Some(100))]);
    let odd = any::<bool>();
    let bits = prop::collection::btree_set(0_u8..32, 1..=32);
    (kind, scale, offset, words, 1_u16..10, wrap, odd, bits).prop_map(
        |(kind, scale, offset, words, count, wrap, odd, bits)| {
            let mut made = if kind == K::Enum { chemistry() } else { register(kind) };
            made.words = words;
            if matches!(kind, K::U8High | K::U8Low | K::U16 | K::I16 | K::U32 | K::I32) {
                (made.scale, made.offset) = (scale, offset);
            }
            if matches!(kind, K::U8High | K::U8Low | K::U16) {
                (made.negative_above, made.negative_from) = wrap;
            }
            if matches!(kind, K::AsciiNul | K::AsciiSpace | K::AsciiLength) {
                (made.count, made.bytes) =
                    if odd { (None, Some(2 * count - 1)) } else { (Some(count), None) };
            }
            let width = if kind == K::Bits { 16 } else { 32 };
            if matches!(kind, K::Bits | K::Bits32) {
                made.bits = named(&bits.into_iter().map(|bit| bit % width).collect::<Vec<_>>());
            }
            made.byte_order = if odd { ByteOrder::HighFirst } else { ByteOrder::LowFirst };
            made
        },
    )
}

/// Ten words: any, or four bytes of a date of any year that a byte can say (and the same packed), or few bits.
fn any_words() -> impl Strategy<Value = Vec<u16>> {
    let padded = |first: Vec<u16>| [first, vec![0; 8]].concat();
    let bytes = (any::<u8>(), 0_u16..14, 0_u16..33)
        .prop_map(move |(year, month, day)| padded(vec![u16::from(year) << 8 | month, day << 8]));
    let packed = (0_u16..128, 0_u16..14, 0_u16..32)
        .prop_map(move |(year, month, day)| padded(vec![year << 9 | month << 5 | day, 0]));
    let few = (0_u32..16, 0_u32..16).prop_map(move |(a, b)| padded(vec![1 << a, 1 << b]));
    prop_oneof![prop::collection::vec(any::<u16>(), 10), bytes, packed, few]
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(Value::Number),
        (-50_000_000_i64..50_000_000).prop_map(|parts| Value::Number(parts as f64 / 10_000.0)),
        (-70_000_i32..70_000).prop_map(|whole| Value::Number(f64::from(whole))),
        "[ -~]{0,20}".prop_map(Value::Text),
        "0x[0-9A-F]{4}".prop_map(Value::Text),
        "[0-9A-F]\\.[0-9A-F]".prop_map(Value::Text),
        "0x[0-9A-F]{8}".prop_map(Value::Text),
        (0_u32..16).prop_map(|bit| Value::Text(format!("0x{:04X}", 1_u32 << bit))),
        (0_u32..32).prop_map(|bit| Value::Text(format!("0x{:08X}", 1_u32 << bit))),
        "2[0-2][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])".prop_map(Value::Text),
        prop::sample::select(vec!["li_ion", "lto", ""]).prop_map(Value::from),
        any::<String>().prop_map(Value::Text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What goes in comes out as the very same value.
    #[test]
    fn an_accepted_value_reads_back_as_itself(register in any_register(), value in any_value()) {
        if let Ok(raw) = encode(&register, &value) {
            prop_assert_eq!(raw.len(), usize::from(register.width()));
            prop_assert_eq!(decode(&register, &raw), Ok(value));
        }
    }

    /// What was read goes back into the very same registers; only padding behind a text may be tidied, and bits without a name
    /// are refused.
    #[test]
    fn what_was_read_writes_back_to_the_same_registers(register in any_register(), words in any_words()) {
        let raw = &words[..usize::from(register.width())];
        if let Ok(value) = decode(&register, raw) {
            let again = encode(&register, &value);
            let padded = matches!(register.kind, RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength);
            // A negative zero reads as zero: a float's, and that of a sign beside the magnitude.
            let has_two = register.kind == RegisterKind::F32 || register.negative_from.is_some();
            let zero = has_two && value == Value::Number(0.0);
            let named = register.bits.iter().fold(0_u32, |mask, bit| mask | 1 << bit.bit);
            let has_unnamed = match register.kind {
                RegisterKind::Bits => u32::from(raw[0]) & !named != 0,
                RegisterKind::Bits32 => joined(&register, raw) & !named != 0,
                _ => false,
            };
            if has_unnamed {
                let refused = matches!(again, Err(CodecFault::UnnamedBits { .. }));
                prop_assert!(refused, "{:?}", again);
            } else if padded || zero {
                prop_assert_eq!(decode(&register, &again.unwrap()), Ok(value));
            } else {
                prop_assert_eq!(again, Ok(raw.to_vec()));
            }
        }
    }

    /// What goes on the wire comes back as the same words, whatever the order of its bytes.
    #[test]
    fn bytes_and_words_are_one(register in any_register(), value in any_value()) {
        if let Ok(raw) = encode(&register, &value) {
            let bytes = bytes_of(&register, &raw);
            prop_assert_eq!(bytes.len(), usize::from(register.bytes()));
            prop_assert_eq!(words_of(&register, &bytes), Some(raw));
            prop_assert_eq!(words_of(&register, &[&bytes[..], &[0]].concat()), None);
        }
    }

    /// A printable text that fits always goes in.
    #[test]
    fn a_text_that_fits_is_taken(text in "[!-~]{0,15}") {
        for kind in [RegisterKind::AsciiNul, RegisterKind::AsciiSpace, RegisterKind::AsciiLength] {
            prop_assert!(encode(&ascii(kind, 8), &Value::Text(text.clone())).is_ok());
        }
    }
}
