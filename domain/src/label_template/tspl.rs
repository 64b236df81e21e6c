//! TSPL, as in TSC's "TSPL/TSPL2 Programming Language" manual. A command is a line; a text stands between double quotes, so neither a
//! quote nor a line's end ever stands in one: texts with quotes are drawn as pictures, and no text has control characters.

use super::{CodeKind, Layout, Mark};

/// A label as a printer of this language is sent it.
#[must_use]
pub fn encode_tspl(layout: &Layout) -> Vec<u8> {
    let Layout { width_mm, height_mm, gap_mm, .. } = layout;
    let mut out = Vec::new();
    line(&mut out, &format!("SIZE {width_mm} mm,{height_mm} mm"));
    line(&mut out, &format!("GAP {gap_mm} mm,0 mm"));
    line(&mut out, "DIRECTION 1");
    line(&mut out, "REFERENCE 0,0");
    line(&mut out, "CLS");
    for mark in &layout.marks {
        encode_mark(&mut out, mark);
    }
    line(&mut out, "PRINT 1,1");
    out
}

fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn encode_mark(out: &mut Vec<u8>, mark: &Mark) {
    match mark {
        // TEXT x,y,"font",rotation,x-multiplication,y-multiplication,"content"
        Mark::Text { x, y, height, text } => {
            let Font { name, times, .. } = font(*height);
            line(out, &format!("TEXT {x},{y},\"{name}\",0,{times},{times},\"{}\"", quoted(text)));
        }
        // BITMAP x,y,width in bytes,height,mode,data; a set bit is white, and mode 0 lays it over what is there.
        Mark::Picture { x, y, picture } => {
            let head = format!("BITMAP {x},{y},{},{},0,", picture.bytes_across(), picture.height());
            out.extend_from_slice(head.as_bytes());
            out.extend(picture.bits().iter().map(|byte| !byte));
            out.extend_from_slice(b"\r\n");
        }
        Mark::Bar { x, y, width, height } => line(out, &format!("BAR {x},{y},{width},{height}")),
        // BARCODE x,y,"type",height,human readable,rotation,narrow,wide,"content"
        Mark::Code { x, y, kind: CodeKind::Code128, module, height, text } => {
            let text = quoted(text);
            line(out, &format!("BARCODE {x},{y},\"128\",{height},0,0,{module},{module},\"{text}\""));
        }
        // DMATRIX x,y,width,height,xmodule,"content": its size follows the text, within the width and height given.
        Mark::Code { x, y, kind: CodeKind::DataMatrix, module, text, .. } => {
            line(out, &format!("DMATRIX {x},{y},400,400,x{module},\"{}\"", quoted(text)));
        }
        // QRCODE x,y,ECC level,cell width,mode,rotation,model,mask,"content"; without the model a printer takes the first one.
        Mark::Code { x, y, kind: CodeKind::Qr, module, text, .. } => {
            let cell = module.min(&10);
            line(out, &format!("QRCODE {x},{y},M,{cell},A,0,M2,S7,\"{}\"", quoted(text)));
        }
    }
}

/// Layouts hold none of them here: a second lock on the same door.
fn quoted(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '"' | '\\') { ' ' } else { c }).collect()
}

/// One of the printer's own fonts, so many times as large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Font {
    name: char,
    letter: (u32, u32),
    times: u32,
}

impl Font {
    /// All letters are of one width.
    pub fn width(&self, text: &str) -> u32 {
        text.len() as u32 * self.letter.0 * self.times
    }
}

/// The largest that is no higher than that; below all of them the smallest.
pub(super) fn font(height: u32) -> Font {
    // TEXT, of the manual: fonts 1 to 5 and their dots; multiplied by 1 to 10.
    const FONTS: [(char, (u32, u32)); 5] =
        [('1', (8, 12)), ('2', (12, 20)), ('3', (16, 24)), ('4', (24, 32)), ('5', (32, 48))];
    let fitting = FONTS.into_iter().filter(|(_, letter)| letter.1 <= height);
    let sized = fitting.map(|(name, letter)| Font { name, letter, times: (height / letter.1).min(10) });
    sized.max_by_key(|font| (font.letter.1 * font.times, font.letter.1)).unwrap_or(Font {
        name: '1',
        letter: (8, 12),
        times: 1,
    })
}

/// What `<ESC>!?` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TsplStatus {
    pub head_open: bool,
    pub paper_jam: bool,
    pub paper_out: bool,
    pub ribbon_out: bool,
    pub paused: bool,
    pub printing: bool,
}

/// Reads its one byte.
#[must_use]
pub fn decode_tspl_status(byte: u8) -> TsplStatus {
    let is_set = |bit: u8| byte & 1 << bit != 0;
    TsplStatus {
        // Bit 6 is the cover, where a printer tells it from the head.
        head_open: is_set(0) || is_set(6),
        paper_jam: is_set(1),
        paper_out: is_set(2),
        ribbon_out: is_set(3),
        paused: is_set(4),
        printing: is_set(5),
    }
}
