//! Labels all the way: a shipped template is drawn, sent to the simulated printer in its language, comes out as a picture, and programs
//! that nobody here wrote read its codes back (ZXing on each, ZBar on the bars).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on may end so")]

use domain::label_template::{
    Field, LabelTemplate, LabelValues, PrinterForm, PrinterLanguage, draw, encode_tspl, encode_zpl,
    parse_label_template,
};
use jigline_tests::demo::workspace_root;
use simulator::printer::{Label, Language, Printer};
use station::label_font::LabelFont;
use std::{fs::File, path::Path, process::Command};

const BOTH: [PrinterLanguage; 2] = [PrinterLanguage::Zpl, PrinterLanguage::Tspl];

fn template(name: &str) -> LabelTemplate {
    let path = workspace_root().join("profiles/labels").join(name);
    parse_label_template(name, &std::fs::read_to_string(path).unwrap()).unwrap()
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

fn printed(template: &LabelTemplate, values: &LabelValues, form: PrinterForm) -> Label {
    let font = LabelFont::find().expect("a font with Chinese is needed (Debian: fonts-wqy-microhei)");
    let layout = draw(template, values, form, &font).unwrap();
    let (bytes, language) = match form.language {
        PrinterLanguage::Zpl => (encode_zpl(&layout), Language::Zpl),
        PrinterLanguage::Tspl => (encode_tspl(&layout), Language::Tspl),
    };
    let mut printer = Printer::new(language, form.dots_per_mm);
    // As a network cuts it.
    bytes.chunks(1400).for_each(|piece| assert!(printer.receive(piece).is_empty()));
    let label = printer.print_next().cloned().unwrap();
    assert_eq!(label.complaints, Vec::<String>::new(), "{form:?}");
    assert!(printer.print_next().is_none(), "one label");
    label
}

/// Every code on a picture, as ZXing reads them.
const READ_BY_ZXING: &str = "
import json, sys, zxingcpp
from PIL import Image
found = zxingcpp.read_barcodes(Image.open(sys.argv[1]))
print(json.dumps(sorted([str(one.format), one.text] for one in found)))
";

fn read_by_zxing(png: &Path) -> Vec<(String, String)> {
    let output = Command::new("python3").args(["-c", READ_BY_ZXING]).arg(png).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "python3 with zxing-cpp and pillow is needed:\n{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn kind(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// Where somebody wants to look at them: `JIGLINE_LABEL_PICTURES=FOLDER`.
fn picture(folder: &Path, label: &Label, name: &str) -> std::path::PathBuf {
    let kept = std::env::var_os("JIGLINE_LABEL_PICTURES").map(std::path::PathBuf::from);
    let png = kept.unwrap_or_else(|| folder.to_owned()).join(format!("{name}.png"));
    label.picture.write_png(File::create(&png).unwrap(), 3, 16).unwrap();
    png
}

#[test]
fn strangers_read_from_the_paper_what_the_template_says_in_both_languages_and_at_every_density() {
    let folder = tempfile::tempdir().unwrap();
    for (language, dots_per_mm) in BOTH.into_iter().flat_map(|one| [(one, 8), (one, 12), (one, 24)]) {
        let form = PrinterForm { language, dots_per_mm };
        let label = printed(&template("unit-50x25.toml"), &values(), form);
        assert_eq!(label.picture.size(), (50 * dots_per_mm, 25 * dots_per_mm));
        assert_eq!(label.texts[1..], ["TB26470213K", "BT 86883540006A  FW V1.9", "B-2641  2026-11-28"]);
        let png = picture(folder.path(), &label, &format!("unit-{language:?}-{dots_per_mm}"));
        let found: Vec<(String, String)> =
            read_by_zxing(&png).into_iter().map(|(name, text)| (kind(&name), text)).collect();
        let expected = [("code128", "TB26470213K"), ("datamatrix", "TB26470213K;86883540006A")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(found, expected, "{form:?}");
        let number = printed(&template("number-40x10.toml"), &values(), form);
        let png = picture(folder.path(), &number, &format!("number-{language:?}-{dots_per_mm}"));
        let found = read_by_zxing(&png);
        assert_eq!(found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["TB26470213K"]);
    }
}

#[test]
fn a_second_stranger_reads_bars_and_squares_too() {
    let with_qr = std::fs::read_to_string(workspace_root().join("profiles/labels/unit-50x25.toml")).unwrap();
    let with_qr = with_qr.replace("\"data_matrix\"", "\"qr\"").replace("x_mm = 37.5", "x_mm = 36.5");
    let template = parse_label_template("with-qr", &with_qr).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for language in BOTH {
        let label = printed(&template, &values(), PrinterForm { language, dots_per_mm: 8 });
        let png = picture(folder.path(), &label, &format!("qr-{language:?}"));
        let output = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&png).output();
        let output = output.expect("zbarimg is needed (Debian: zbar-tools)");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut found: Vec<&str> = text.lines().collect();
        found.sort_unstable();
        assert_eq!(found, ["TB26470213K", "TB26470213K;86883540006A"], "{language:?}");
    }
}

#[test]
fn whatever_a_field_says_is_on_the_paper_and_never_a_command() {
    let strange = values()
        .with(Field::Batch, "B^XZ~JA_5E")
        .with(Field::ProductEn, "a\"b\\[R]c,d")
        .with(Field::Firmware, "1\r\nPRINT 9");
    let template = template("unit-50x25.toml");
    let zpl = printed(&template, &strange, PrinterForm { language: PrinterLanguage::Zpl, dots_per_mm: 8 });
    assert_eq!(zpl.texts[0], "a\"b\\[R]c,d");
    assert_eq!(zpl.texts[2..], ["BT 86883540006A  FW 1  PRINT 9", "B^XZ~JA_5E  2026-11-28"]);
    let tspl = printed(&template, &strange, PrinterForm { language: PrinterLanguage::Tspl, dots_per_mm: 8 });
    // The product has a quote: it came as a picture.
    assert_eq!(tspl.texts, ["TB26470213K", "BT 86883540006A  FW 1  PRINT 9", "B^XZ~JA_5E  2026-11-28"]);
}
