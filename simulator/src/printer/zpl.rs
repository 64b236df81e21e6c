//! ZPL II, as a printer hears it: formats between `^XA` and `^XZ`, `~HS` at any time.

use super::{Canvas, Heard, Label, Troubles, codes, letters};

/// The bytes used, and what they were; none used: there is not enough yet.
pub fn hear(bytes: &[u8]) -> (usize, Heard) {
    let find = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    match (find(b"~HS"), find(b"^XZ")) {
        (Some(at), end) if end.is_none_or(|end| at < end) => {
            if at == 0 {
                return (3, Heard::AsksStatus);
            }
            // What is asked in the middle of a format is answered at once: the format goes on around it.
            match find(b"^XA") {
                Some(begin) if begin < at => (0, Heard::Nothing),
                _ => (at, Heard::Nothing),
            }
        }
        (_, Some(end)) => {
            let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let format = text.rsplit_once("^XA").map(|(_, format)| format.to_owned());
            let heard = format.map_or(Heard::Nothing, |format| {
                let (label, copies) = draw(&format);
                Heard::Labels(Box::new(label), copies)
            });
            (end + 3, heard)
        }
        _ => (0, Heard::Nothing),
    }
}

#[derive(Default)]
struct Field {
    at: (u32, u32),
    /// Height and width of font 0's letters.
    font: Option<(u32, u32)>,
    code: Option<Code>,
    hex: Option<char>,
    data: Option<String>,
    graphic: Option<(u32, Vec<u8>)>,
    boxed: Option<(u32, u32, u32)>,
}

enum Code {
    Code128 { height: u32 },
    DataMatrix { module: u32, escape: char },
    Qr { module: u32 },
}

struct Format {
    width: u32,
    length: u32,
    module: u32,
    copies: u32,
    fields: Vec<(Field, u32)>,
    complaints: Vec<String>,
}

fn draw(format: &str) -> (Label, u32) {
    let read = read(format);
    let (width, length) = (read.width, read.length);
    let mut label = Label {
        picture: Canvas::new(width, length),
        codes: Vec::new(),
        texts: Vec::new(),
        complaints: read.complaints,
    };
    for (field, module) in read.fields {
        draw_field(&mut label, field, module);
    }
    if label.picture.beside() > 0 {
        label.complaints.push(format!("{} dots beside the label", label.picture.beside()));
    }
    (label, read.copies)
}

fn read(format: &str) -> Format {
    let mut read = Format {
        // What a printer of two inches takes where nothing is said.
        width: 400,
        length: 200,
        module: 2,
        copies: 1,
        fields: Vec::new(),
        complaints: Vec::new(),
    };
    let mut field = Field::default();
    for command in format.split(['^', '~']).skip(1) {
        // Two letters; what is none of a command's is told as it is.
        let (name, rest) = command.split_at_checked(2).unwrap_or((command, ""));
        let line = rest.trim_end_matches(['\r', '\n']);
        let figures: Vec<u32> = line.split(',').map(|one| one.trim().parse().unwrap_or(0)).collect();
        let figure = |place: usize| figures.get(place).copied().unwrap_or(0);
        match name {
            "PW" => read.width = figure(0),
            "LL" => read.length = figure(0),
            "PQ" => read.copies = figure(0),
            "BY" => read.module = figure(0),
            // UTF-8, and the origin: nothing else is asked for.
            "CI" if line == "28" => {}
            "LH" if line == "0,0" => {}
            "FO" => field.at = (figure(0), figure(1)),
            "FH" => field.hex = Some(line.chars().next().unwrap_or('_')),
            // A field's data ends at the next command, and a line's end within it is none of it.
            "FD" => field.data = Some(rest.to_owned()),
            "GB" => field.boxed = Some((figure(0), figure(1), figure(2))),
            "FS" => read.fields.push((std::mem::take(&mut field), read.module)),
            _ if name.starts_with("A0") => {
                let height = figure(1);
                let width = if figure(2) == 0 { height * 11 / 20 } else { figure(2) };
                field.font = Some((height, width));
            }
            "BC" if line.starts_with("N,") => field.code = Some(Code::Code128 { height: figure(1) }),
            "BX" if line.starts_with("N,") && figure(2) == 200 => {
                let escape = line.split(',').nth(6).and_then(|text| text.chars().next()).unwrap_or('~');
                field.code = Some(Code::DataMatrix { module: figure(1), escape });
            }
            "BQ" if line.starts_with("N,2,") => field.code = Some(Code::Qr { module: figure(2) }),
            "GF" => match graphic(line) {
                Some(graphic) => field.graphic = Some(graphic),
                None => read.complaints.push("a graphic that is none".to_owned()),
            },
            _ => read.complaints.push(format!("^{name}{line}")),
        }
    }
    read
}

/// `A,bytes,bytes,bytes across,hexadecimal`.
fn graphic(line: &str) -> Option<(u32, Vec<u8>)> {
    let parts: Vec<&str> = line.splitn(5, ',').collect();
    let [kind, bytes, total, across, data] = parts.as_slice() else { return None };
    let bits = hex::decode(data).ok()?;
    let is_whole = *kind == "A" && bytes == total && bytes.parse() == Ok(bits.len());
    is_whole.then_some((across.parse().ok()?, bits))
}

fn draw_field(label: &mut Label, field: Field, module: u32) {
    let Label { picture, codes: read, texts, complaints } = label;
    let data = field.data.map(|data| field.hex.map_or_else(|| data.clone(), |mark| unescaped(&data, mark)));
    if let Some((width, height, border)) = field.boxed {
        draw_box(picture, field.at, (width, height), border);
    } else if let Some((across, bits)) = field.graphic {
        picture.bits(field.at, across, &bits);
    } else if let (Some(code), Some(data)) = (field.code, data.clone()) {
        let (drawn, text) = match code {
            Code::Code128 { height } => (codes::code_128(picture, field.at, module, height, &data), data),
            Code::DataMatrix { module, escape } => {
                let is_plain = !data.contains(escape);
                (is_plain && codes::data_matrix(picture, field.at, module, &data), data)
            }
            Code::Qr { module } => {
                // Correction level, then A and a comma: an encodation that follows the text.
                let mut front = data.chars();
                let (level, automatic) = (front.next().unwrap_or('?'), front.as_str().starts_with("A,"));
                let text = data.get(3..).unwrap_or_default().to_owned();
                (automatic && codes::qr(picture, field.at, module, level, &text), text)
            }
        };
        if drawn {
            read.push(text);
        } else {
            complaints.push(format!("no code of {text:?}"));
        }
    } else if let (Some((height, width)), Some(data)) = (field.font, data) {
        let missing = letters::draw(picture, field.at, (width, height), &data);
        complaints.extend(missing.into_iter().map(|letter| format!("no letter {letter:?}")));
        texts.push(data);
    } else {
        complaints.push("a field that draws nothing".to_owned());
    }
}

fn draw_box(picture: &mut Canvas, at: (u32, u32), (width, height): (u32, u32), border: u32) {
    if 2 * border >= width.min(height) {
        picture.bar(at, (width, height));
        return;
    }
    picture.bar(at, (width, border));
    picture.bar((at.0, at.1 + height - border), (width, border));
    picture.bar(at, (border, height));
    picture.bar((at.0 + width - border, at.1), (border, height));
}

/// `_5E` is what its code says.
fn unescaped(data: &str, mark: char) -> String {
    let mut bytes = Vec::new();
    let mut rest = data;
    while let Some((plain, behind)) = rest.split_once(mark) {
        bytes.extend_from_slice(plain.as_bytes());
        let code = behind.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &behind[2..];
            }
            None => {
                bytes.extend_from_slice(mark.to_string().as_bytes());
                rest = behind;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What `~HS` answers: three lines.
pub fn status(now: Troubles, waiting: usize) -> Vec<u8> {
    let flag = |is_so: bool| u8::from(is_so);
    let (paper, pause) = (flag(now.paper_out), flag(now.paused));
    let first = format!("\u{2}030,{paper},{pause},1245,{:03},0,0,0,000,0,0,0\u{3}\r\n", waiting.min(999));
    let (head, ribbon) = (flag(now.head_open), flag(now.ribbon_out));
    let second = format!("\u{2}000,0,{head},{ribbon},1,2,4,0,{waiting:08},1,000\u{3}\r\n");
    (first + &second + "\u{2}1234,0\u{3}\r\n").into_bytes()
}
