//! TSPL, as a printer hears it: a command a line, `<ESC>!?` at any time between two.

use super::{Canvas, Heard, Label, Troubles, codes, letters};

/// What stands on the label that is being made.
#[derive(Debug, Default)]
pub struct Sheet {
    size_mm: (f64, f64),
    label: Option<Label>,
    /// What came before the first CLS.
    complaints: Vec<String>,
}

/// The bytes used, and what they were; none used: there is not enough yet.
pub fn hear(bytes: &[u8], sheet: &mut Sheet, dots_per_mm: u32) -> (usize, Heard) {
    if bytes.starts_with(b"\x1b!?") {
        return (3, Heard::AsksStatus);
    }
    if bytes.starts_with(b"\x1b") && bytes.len() < 3 {
        return (0, Heard::Nothing);
    }
    if bytes.starts_with(b"BITMAP ") {
        return bitmap(bytes, sheet);
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return (0, Heard::Nothing) };
    let line = String::from_utf8_lossy(&bytes[..end]).trim_end_matches('\r').to_owned();
    (end + 1, command(&line, sheet, dots_per_mm))
}

fn complain(sheet: &mut Sheet, what: String) {
    match &mut sheet.label {
        Some(label) => label.complaints.push(what),
        None => sheet.complaints.push(what),
    }
}

/// `BITMAP x,y,bytes across,height,mode,` and the bytes, a set bit white.
fn bitmap(bytes: &[u8], sheet: &mut Sheet) -> (usize, Heard) {
    let commas: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at).take(5).collect();
    let [.., last] = commas.as_slice() else { return (0, Heard::Nothing) };
    if commas.len() < 5 {
        return (0, Heard::Nothing);
    }
    let head = String::from_utf8_lossy(&bytes[7..*last]).into_owned();
    let figures: Vec<u32> = head.split(',').filter_map(|figure| figure.trim().parse().ok()).collect();
    let [x, y, across, height, 0] = figures.as_slice() else {
        complain(sheet, format!("BITMAP {head}"));
        return (last + 1, Heard::Nothing);
    };
    let length = (across * height) as usize;
    let Some(data) = bytes.get(last + 1..last + 1 + length) else { return (0, Heard::Nothing) };
    let black: Vec<u8> = data.iter().map(|byte| !byte).collect();
    if let Some(label) = &mut sheet.label {
        label.picture.bits((*x, *y), *across, &black);
    }
    (last + 1 + length, Heard::Nothing)
}

fn command(line: &str, sheet: &mut Sheet, dots_per_mm: u32) -> Heard {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let arguments = arguments(rest);
    let figure = |place: usize| arguments.get(place).and_then(|one| one.trim().parse::<u32>().ok());
    match name {
        "" | "DIRECTION" | "REFERENCE" => {}
        "SIZE" => match (millimetres(&arguments, 0), millimetres(&arguments, 1)) {
            (Some(width), Some(height)) => sheet.size_mm = (width, height),
            _ => complain(sheet, line.to_owned()),
        },
        "GAP" if millimetres(&arguments, 0).is_some() => {}
        "CLS" => {
            let dots = |mm: f64| (mm * f64::from(dots_per_mm)).round() as u32;
            let complaints = std::mem::take(&mut sheet.complaints);
            let picture = Canvas::new(dots(sheet.size_mm.0), dots(sheet.size_mm.1));
            sheet.label = Some(Label { picture, codes: Vec::new(), texts: Vec::new(), complaints });
        }
        "PRINT" => {
            let copies = figure(0).unwrap_or(1) * figure(1).unwrap_or(1);
            if let Some(mut label) = sheet.label.clone() {
                if label.picture.beside() > 0 {
                    label.complaints.push(format!("{} dots beside the label", label.picture.beside()));
                }
                return Heard::Labels(Box::new(label), copies);
            }
            complain(sheet, "PRINT before CLS".to_owned());
        }
        _ => {
            let drawn = sheet.label.as_mut().and_then(|label| draw(label, name, &arguments));
            if drawn.is_none() {
                complain(sheet, line.to_owned());
            }
        }
    }
    Heard::Nothing
}

/// None: it was not understood, or not drawn.
fn draw(label: &mut Label, name: &str, arguments: &[String]) -> Option<()> {
    let figure = |place: usize| arguments.get(place)?.trim().parse::<u32>().ok();
    let text = arguments.last()?.clone();
    let at = (figure(0)?, figure(1)?);
    let is_drawn = match name {
        "BAR" => {
            label.picture.bar(at, (figure(2)?, figure(3)?));
            return Some(());
        }
        "TEXT" => {
            // Fonts 1 to 5 of the manual, dots across and down.
            let cell = match arguments.get(2)?.as_str() {
                "1" => (8, 12),
                "2" => (12, 20),
                "3" => (16, 24),
                "4" => (24, 32),
                "5" => (32, 48),
                _ => return None,
            };
            let cell = (cell.0 * figure(4)?, cell.1 * figure(5)?);
            let missing = letters::draw(&mut label.picture, at, cell, &text);
            label.texts.push(text);
            return missing.is_empty().then_some(());
        }
        "BARCODE" if arguments.get(2)? == "128" => {
            codes::code_128(&mut label.picture, at, figure(6)?, figure(3)?, &text)
        }
        "DMATRIX" => {
            let module = arguments.get(4)?.strip_prefix('x')?.parse().ok()?;
            codes::data_matrix(&mut label.picture, at, module, &text)
        }
        "QRCODE" if arguments.iter().any(|one| one == "M2") => {
            let level = arguments.get(2)?.chars().next()?;
            codes::qr(&mut label.picture, at, figure(3)?, level, &text)
        }
        _ => false,
    };
    label.codes.extend(is_drawn.then_some(text));
    is_drawn.then_some(())
}

/// Parted by commas that stand in no text; a quote within a text is `\["]`.
fn arguments(rest: &str) -> Vec<String> {
    let (mut all, mut one, mut in_text) = (Vec::new(), String::new(), false);
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if in_text && letters.peek() == Some(&'[') => {
                letters.next();
                one.extend(letters.next());
                letters.next();
            }
            '"' => in_text = !in_text,
            ',' if !in_text => all.push(std::mem::take(&mut one)),
            letter => one.push(letter),
        }
    }
    all.push(one);
    all
}

fn millimetres(arguments: &[String], place: usize) -> Option<f64> {
    arguments.get(place)?.trim().strip_suffix(" mm")?.parse().ok()
}

/// What `<ESC>!?` answers.
pub fn status(now: Troubles, waiting: usize) -> u8 {
    let printing = waiting > 0 && !now.stops();
    let bits = [now.head_open, false, now.paper_out, now.ribbon_out, now.paused, printing];
    bits.into_iter().enumerate().filter(|(_, is_set)| *is_set).fold(0, |byte, (bit, _)| byte | 1 << bit)
}
