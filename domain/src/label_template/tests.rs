//! Templates read, drawn, sent and scanned back.

use super::*;
use proptest::prelude::*;

const UNIT: &str = include_str!("../../../profiles/labels/unit-50x25.toml");
const NUMBER: &str = include_str!("../../../profiles/labels/number-40x10.toml");
const ZPL: PrinterForm = PrinterForm { language: PrinterLanguage::Zpl, dots_per_mm: 8 };
const TSPL: PrinterForm = PrinterForm { language: PrinterLanguage::Tspl, dots_per_mm: 8 };

/// Draws a chequered box as wide as the text is long: what a font draws is not this crate's.
struct Chequered;

impl Glyphs for Chequered {
    fn picture(&self, text: &str, height: u32) -> Option<Picture> {
        Some(Picture::new(text.chars().count() as u32 * 4, height, |x, y| (x + y) % 2 == 0))
    }
}

fn unit() -> LabelTemplate {
    parse_label_template("unit", UNIT).unwrap()
}

fn values() -> LabelValues {
    LabelValues::default()
        .with(Field::Serial, "TB26470213K")
        .with(Field::Bluetooth, "86883540006A")
        .with(Field::ProductEn, "12S titanate, 200 A")
        .with(Field::ProductZh, "12 串钛酸锂 200 A")
        .with(Field::Batch, "B-2641")
        .with(Field::Date, "2026-11-28")
        .with(Field::Firmware, "V1.9")
}

/// Whatever is not printable stands as its code.
fn shown(bytes: &[u8]) -> String {
    let show = |byte: &u8| match byte {
        b'\n' => "\n".to_owned(),
        b'\r' => String::new(),
        b' '..=b'~' => char::from(*byte).to_string(),
        other => format!("<{other:02X}>"),
    };
    bytes.iter().map(show).collect()
}

#[test]
fn the_shipped_label_in_both_languages() {
    // One high, so that what a font draws is short here.
    struct Flat;
    impl Glyphs for Flat {
        fn picture(&self, text: &str, _height: u32) -> Option<Picture> {
            Chequered.picture(text, 2)
        }
    }
    let zpl = encode_zpl(&draw(&unit(), &values(), ZPL, &Flat).unwrap());
    insta::assert_snapshot!("zpl", shown(&zpl));
    let tspl = encode_tspl(&draw(&unit(), &values(), TSPL, &Flat).unwrap());
    insta::assert_snapshot!("tspl", shown(&tspl));
}

#[test]
fn twice_as_many_dots_are_twice_as_many_dots() {
    let fine = PrinterForm { dots_per_mm: 24, ..ZPL };
    let (coarse, fine) =
        (draw(&unit(), &values(), ZPL, &Chequered), draw(&unit(), &values(), fine, &Chequered));
    let (coarse, fine) = (coarse.unwrap(), fine.unwrap());
    assert_eq!((coarse.width * 3, coarse.height * 3), (fine.width, fine.height));
    assert_eq!((coarse.width_mm, coarse.marks.len()), (fine.width_mm, fine.marks.len()));
}

#[test]
fn a_text_that_no_printer_has_letters_for_needs_a_font_and_says_so() {
    let fault = draw(&unit(), &values(), ZPL, &NoGlyphs).unwrap_err();
    assert_eq!(fault, DrawFault::NoGlyph("12 串钛酸锂 200 A".to_owned()));
    let number = parse_label_template("number", NUMBER).unwrap();
    assert!(draw(&number, &values(), ZPL, &NoGlyphs).is_ok(), "no Chinese, no font");
}

#[test]
fn a_field_without_a_text_and_one_that_is_too_long_are_named() {
    let without = LabelValues::default().with(Field::ProductZh, "LTO");
    let fault = draw(&unit(), &without, ZPL, &NoGlyphs).unwrap_err();
    assert_eq!(fault.to_string(), "its {product_en} is not known");
    let long =
        values().with(Field::ProductEn, "an endless name of a product that nobody reads to its end anyway");
    let fault = draw(&unit(), &long, TSPL, &Chequered).unwrap_err();
    assert!(matches!(fault, DrawFault::TooWide { has_mm: 34.0, .. }), "{fault}");
    let fault = draw(&unit(), &values().with(Field::Serial, "TB^XZ"), TSPL, &Chequered).unwrap_err();
    assert_eq!(fault.to_string(), "a code does not hold '^', and \"TB^XZ;86883540006A\" has it");
    let long = values().with(Field::Serial, "T".repeat(30));
    let fault = draw(&unit(), &long.with(Field::ProductEn, "x"), ZPL, &Chequered).unwrap_err();
    assert!(matches!(fault, DrawFault::TooWide { .. }), "{fault}");
}

#[test]
fn every_fault_of_a_template_is_named_by_its_line() {
    let faulty = UNIT
        .replace("{serial};{bluetooth}", "{product_zh}{batch}")
        .replace("id = \"unit-50x25\"", "id = \"Unit 50\"")
        .replace("text = \"{batch}  {date}\"", "text = \"{batch}  {moon}\"");
    let faults: Vec<String> =
        parse_label_template("a.toml", &faulty).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(
        faults.iter().any(|fault| fault.starts_with("a.toml:42: {moon} is none of serial, name")),
        "{faults:?}"
    );
    let faulty = faulty
        .replace("{moon}", "{date}")
        .replace("x_mm = 37.5", "x_mm = 51")
        .replace("module_mm = 0.25", "module_mm = 0.1");
    let faulty = faulty
        .replace("text = \"{serial}\"", "text = \"{serial}\" # \u{20}")
        .replace("height_mm = 7.5", "height_mm = 1");
    let faults: Vec<String> =
        parse_label_template("a.toml", &faulty).unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "a.toml:4: id \"Unit 50\" is not of a-z, 0-9 and '-'",
        "a.toml:52: it reaches from 51 to 51.1 mm across a label of 50 mm",
        "a.toml:55: a code holds no Chinese: {product_zh} is for texts",
        "a.toml:55: two fields of a code need something between them, or nobody knows where one ends",
        "a.toml:61: module_mm is 0.1; it is between 0.2 and 2",
        "a.toml:62: height_mm is 1; it is between 3 and 100",
    ];
    assert_eq!(faults, expected);
    let without_code = UNIT.split("[[code]]").next().unwrap();
    let faults = parse_label_template("a.toml", without_code).unwrap_err();
    assert_eq!(faults[0].to_string(), "a.toml:4: no code holds {serial}, by which the label is scanned back");
    let faults = parse_label_template("a.toml", &UNIT.replace("gap_mm = 2", "gab_mm = 2")).unwrap_err();
    assert!(faults[0].to_string().starts_with("a.toml:9: unknown field `gab_mm`"), "{}", faults[0]);
}

#[test]
fn what_is_read_from_the_board_cannot_be_printed_before_it() {
    assert_eq!(parse_label_template("number", NUMBER).unwrap().unfit_before(), None);
    let why = unit().unfit_before().unwrap();
    assert_eq!(why, "label unit-50x25 shows {bluetooth}, which nobody knows before the board was read");
    let wrapped = NUMBER.replacen("text = \"{serial}\"", "text = \"SN{serial}\"", 1);
    let why = parse_label_template("number", &wrapped).unwrap().unfit_before().unwrap();
    assert!(why.contains("no code that is {serial} and nothing else"), "{why}");
}

#[test]
fn a_label_is_told_from_every_other_one_and_its_address_from_every_way_to_write_it() {
    let back = |scan: &str| read_back(&unit(), &values(), scan);
    for own in [
        "TB26470213K",
        "TB26470213K;86883540006A",
        "TB26470213K;86:88:35:40:00:6a",
        "TB26470213K;86-88-35-40-00-6A",
    ] {
        assert_eq!(back(own), ReadBack::Matches, "{own}");
    }
    assert_eq!(back("TB26470214H"), ReadBack::Other { found: "TB26470214H".to_owned() });
    assert_eq!(back("TB26470214H;868835400099"), ReadBack::Other { found: "TB26470214H".to_owned() });
    assert_eq!(back("https://elsewhere"), ReadBack::Other { found: "https://elsewhere".to_owned() });
    let differs =
        ReadBack::AddressDiffers { printed: "86:88:35:40:00:6B".to_owned(), read: "86883540006A".to_owned() };
    assert_eq!(back("TB26470213K;86:88:35:40:00:6B"), differs);
    assert!(matches!(back("TB26470213K;none"), ReadBack::AddressDiffers { .. }));
    // Number and address in codes of their own: the address alone is not the label.
    let two = UNIT.replace("{serial};{bluetooth}", "BT:{bluetooth}");
    let two = parse_label_template("two", &two).unwrap();
    assert_eq!(read_back(&two, &values(), "BT:86:88:35:40:00:6A"), ReadBack::AddressOnly);
    assert_eq!(read_back(&two, &values(), "TB26470213K"), ReadBack::Matches);
    assert!(matches!(read_back(&two, &values(), "BT:868835400000"), ReadBack::Other { .. }));
}

#[test]
fn what_printers_say_of_themselves_is_read() {
    // The example of ~HS in Zebra's guide has this form.
    let ready = b"\x02030,0,0,1245,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n";
    assert_eq!(decode_zpl_status(ready), Some(ZplStatus::default()));
    let out = b"\x02030,1,1,1245,000,1,0,0,000,0,0,0\x03\r\n\x02000,0,1,1,0,2,4,0,00000003,1,000\x03\r\n\x021234,0\x03\r\n";
    let expected = ZplStatus {
        paper_out: true,
        paused: true,
        buffer_full: true,
        head_open: true,
        ribbon_out: true,
        to_print: 3,
    };
    assert_eq!(decode_zpl_status(out), Some(expected));
    for end in 0..ready.len() - 3 {
        assert_eq!(decode_zpl_status(&ready[..end]), None, "{end} bytes are no whole answer");
    }
    assert_eq!(decode_tspl_status(0), TsplStatus::default());
    assert!(decode_tspl_status(0x04).paper_out && decode_tspl_status(0x41).head_open);
    assert!(decode_tspl_status(0x20).printing && !decode_tspl_status(0x20).paused);
}

/// The commands of a label in ZPL: what a printer would execute, each with its parameters up to a field's text.
fn zpl_commands(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (carets, tildes) = (text.matches('^').count(), text.matches('~').count());
    let commands: Vec<String> =
        text.split('^').skip(1).map(|command| command.chars().take(2).collect()).collect();
    assert_eq!((commands.len(), tildes), (carets, 0));
    commands
}

/// The same in TSPL, data of bitmaps aside.
fn tspl_commands(bytes: &[u8]) -> Vec<String> {
    let mut commands = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let word = head.split(' ').next().unwrap().to_owned();
        let mut length = end + 2;
        if word == "BITMAP" {
            let figures: Vec<usize> =
                head[7..].splitn(6, ',').take(4).map(|figure| figure.parse().unwrap()).collect();
            let commas = rest.iter().enumerate().filter(|(_, byte)| **byte == b',').nth(4).unwrap().0;
            length = commas + 1 + figures[2] * figures[3] + 2;
        } else {
            assert_eq!(head.matches('"').count() % 2, 0, "{head}");
            assert!(head.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{head}");
        }
        commands.push(word);
        rest = &rest[length..];
    }
    commands
}

proptest! {
    #[test]
    fn no_text_of_a_unit_becomes_a_command_of_a_printer(
        product in ".{0,40}",
        batch in r#"[ -~]{0,12}|[\x00-\x1F^~"_]{0,6}"#,
    ) {
        let strange = values().with(Field::ProductEn, "x").with(Field::ProductZh, &product).with(Field::Batch, &batch);
        let wide = UNIT.replace("width_mm = 34\n", "").replace("width_mm = 50", "width_mm = 200");
        let template = parse_label_template("unit", &wide).unwrap();
        let drawn = |form, values: &LabelValues| draw(&template, values, form, &Chequered);
        // A text too long for its place is never sent at all.
        if let (Ok(zpl), Ok(tspl)) = (drawn(ZPL, &strange), drawn(TSPL, &strange)) {
            let count = |commands: &[String], word: &str| commands.iter().filter(|one| *one == word).count();
            let commands = zpl_commands(&encode_zpl(&zpl));
            let marks = template.text.len() + template.code.len() + template.line.len();
            prop_assert_eq!(count(&commands, "FO"), marks);
            prop_assert_eq!(count(&commands, "FS"), marks);
            prop_assert_eq!((count(&commands, "XA"), count(&commands, "XZ"), count(&commands, "PQ")), (1, 1, 1));
            prop_assert_eq!(count(&commands, "FD") + count(&commands, "GF") + count(&commands, "GB"), marks);
            let commands = tspl_commands(&encode_tspl(&tspl));
            prop_assert_eq!(commands.len(), 6 + marks);
            prop_assert_eq!(count(&commands, "PRINT"), 1);
        }
    }

    #[test]
    fn a_scan_never_panics_and_the_own_label_is_always_known(scan in ".{0,40}", number in "[A-Z0-9._/-]{1,32}") {
        let own = values().with(Field::Serial, &number);
        let _some_word = read_back(&unit(), &own, &scan);
        prop_assert_eq!(read_back(&unit(), &own, &number), ReadBack::Matches);
        prop_assert_eq!(read_back(&unit(), &own, &format!("{number};86:88:35:40:00:6a")), ReadBack::Matches);
        if let ReadBack::Matches = read_back(&unit(), &own, &scan) {
            prop_assert!(scan.starts_with(&number), "{scan}");
        }
    }

    #[test]
    fn a_picture_holds_each_dot_at_its_place(width in 1_u32..40, height in 1_u32..10, seed in any::<u64>()) {
        let is_black = |x: u32, y: u32| (seed >> ((x * 7 + y * 13) % 64)) & 1 == 1;
        let picture = Picture::new(width, height, is_black);
        prop_assert_eq!((picture.width(), picture.height()), (width, height));
        for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
            let byte = picture.bits()[(y * picture.bytes_across() + x / 8) as usize];
            prop_assert_eq!(byte & (0x80 >> (x % 8)) != 0, is_black(x, y));
        }
    }

    #[test]
    fn a_status_of_any_bytes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _either = decode_zpl_status(&bytes);
    }
}
