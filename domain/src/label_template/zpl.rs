//! ZPL II, as in Zebra's "Programming Guide: ZPL II, ZBI 2, Set-Get-Do, Mirror, WML" (P1099958). A printer of it executes whatever
//! stands behind `^` and `~`, so neither ever stands in a field: `^FH` gives them by their codes.

use super::{CodeKind, Layout, Mark};
use std::fmt::Write as _;

/// A label as a printer of this language is sent it.
#[must_use]
pub fn encode_zpl(layout: &Layout) -> Vec<u8> {
    // ^PW and ^LL: the label's size in dots; ^LH: from its corner. ^CI28: UTF-8, of which only ASCII is sent.
    let mut out = format!("^XA\n^CI28\n^PW{}\n^LL{}\n^LH0,0\n", layout.width, layout.height);
    for mark in &layout.marks {
        // Writing to a string does not fail.
        let _written = write_mark(&mut out, mark);
    }
    out.push_str("^PQ1\n^XZ\n");
    out.into_bytes()
}

fn write_mark(out: &mut String, mark: &Mark) -> std::fmt::Result {
    match mark {
        // ^A0N,h: font 0, upright; its width follows.
        Mark::Text { x, y, height, text } => {
            writeln!(out, "^FO{x},{y}^A0N,{height}^FH_^FD{}^FS", escaped(text))
        }
        Mark::Picture { x, y, picture } => {
            let (bytes, across) = (picture.bits().len(), picture.bytes_across());
            let bits = hex::encode_upper(picture.bits());
            writeln!(out, "^FO{x},{y}^GFA,{bytes},{bytes},{across},{bits}^FS")
        }
        // ^GBw,h,t: a box that is all border is a bar.
        Mark::Bar { x, y, width, height } => {
            writeln!(out, "^FO{x},{y}^GB{width},{height},{}^FS", width.min(height))
        }
        Mark::Code { x, y, kind: CodeKind::Code128, module, height, text } => {
            // ^BCo,h,f,g,e,m: no text below it, and mode A, which picks the subsets itself.
            writeln!(out, "^FO{x},{y}^BY{module}^BCN,{height},N,N,N,A^FH_^FD{}^FS", escaped(text))
        }
        Mark::Code { x, y, kind: CodeKind::DataMatrix, module, text, .. } => {
            // ^BXo,h,s,c,r,f,g: quality 200, a size that follows its text; g is what would begin an escape sequence: nothing of the text.
            let escape = ['|', '#', '!', '$'].into_iter().find(|c| !text.contains(*c)).unwrap_or('@');
            writeln!(out, "^FO{x},{y}^BXN,{module},200,0,0,1,{escape}^FH_^FD{}^FS", escaped(text))
        }
        Mark::Code { x, y, kind: CodeKind::Qr, module, text, .. } => {
            // ^BQa,b,c: model 2; in the field correction M, and A for the encodation that follows the text.
            writeln!(out, "^FO{x},{y}^BQN,2,{}^FH_^FDMA,{}^FS", module.min(&10), escaped(text))
        }
    }
}

/// Printable ASCII where nothing begins a command: what does stands by its code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'^' | b'~' | b'_' | b'\\' | 0..=0x1F | 0x7F.. => {
                let _written = write!(out, "_{byte:02X}");
            }
            byte => out.push(char::from(byte)),
        }
    }
    out
}

/// What `~HS` answers, as far as it keeps a label from being printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ZplStatus {
    pub paper_out: bool,
    pub paused: bool,
    pub buffer_full: bool,
    pub head_open: bool,
    pub ribbon_out: bool,
    /// Labels of the running batch that are still to come.
    pub to_print: u32,
}

/// Reads `~HS`'s three lines, each between STX and ETX; none: it is no such answer, or not all of it yet.
#[must_use]
pub fn decode_zpl_status(answer: &[u8]) -> Option<ZplStatus> {
    let mut lines = answer.split(|byte| *byte == 0x02).skip(1).map(|line| {
        let end = line.iter().position(|byte| *byte == 0x03)?;
        std::str::from_utf8(line.get(..end)?).ok()
    });
    let first: Vec<&str> = lines.next()??.split(',').collect();
    let second: Vec<&str> = lines.next()??.split(',').collect();
    lines.next()??;
    let flag = |line: &[&str], place: usize| line.get(place).map(|flag| flag.trim() == "1");
    Some(ZplStatus {
        paper_out: flag(&first, 1)?,
        paused: flag(&first, 2)?,
        buffer_full: flag(&first, 5)?,
        head_open: flag(&second, 2)?,
        ribbon_out: flag(&second, 3)?,
        to_print: second.get(8)?.trim().parse().ok()?,
    })
}
