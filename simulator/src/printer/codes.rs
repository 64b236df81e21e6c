//! Codes, bar by bar and square by square.

use super::Canvas;
use datamatrix::{DataMatrix, SymbolList};
use qrcode::{Color, EcLevel, QrCode};

/// ISO/IEC 15417, table 1: widths of bars and spaces of each symbol character, bar first; 103 to 105 start, 106 stops.
const CODE_128: [&str; 107] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213",
    "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132",
    "221231", "213212", "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211",
    "212123", "212321", "232121", "111323", "131123", "131321", "112313", "132113", "132311", "211313",
    "231113", "231311", "112133", "112331", "132131", "113123", "113321", "133121", "313121", "211331",
    "231131", "213113", "213311", "213131", "311123", "311321", "331121", "312113", "312311", "332111",
    "314111", "221411", "431111", "111224", "111422", "121124", "121421", "141122", "141221", "112214",
    "112412", "122114", "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111",
    "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311", "113141",
    "114131", "311141", "411131", "211412", "211214", "211232", "2331112",
];
const START_B: usize = 104;
const STOP: usize = 106;

/// Code 128 in subset B; false: it has characters that the subset has not.
pub fn code_128(canvas: &mut Canvas, (x, y): (u32, u32), module: u32, height: u32, text: &str) -> bool {
    if text.is_empty() || !text.chars().all(|c| (' '..='\u{7e}').contains(&c)) {
        return false;
    }
    let mut symbols = vec![START_B];
    symbols.extend(text.bytes().map(|byte| usize::from(byte - b' ')));
    // The start and the first character both weigh once.
    let sum: usize = symbols.iter().enumerate().map(|(place, symbol)| place.max(1) * symbol).sum();
    symbols.extend([sum % 103, STOP]);
    let mut at = x;
    for symbol in symbols {
        for (place, digit) in CODE_128[symbol].bytes().enumerate() {
            let width = u32::from(digit - b'0') * module;
            if place % 2 == 0 {
                canvas.bar((at, y), (width, height));
            }
            at += width;
        }
    }
    true
}

/// ECC 200, square, no larger than it must be; false: it holds no such text.
pub fn data_matrix(canvas: &mut Canvas, (x, y): (u32, u32), module: u32, text: &str) -> bool {
    let symbols = SymbolList::default().enforce_square();
    let Ok(code) = DataMatrix::encode(text.as_bytes(), symbols) else { return false };
    for (across, down) in code.bitmap().pixels() {
        canvas.bar((x + across as u32 * module, y + down as u32 * module), (module, module));
    }
    true
}

/// Model 2; false: it holds no such text.
pub fn qr(canvas: &mut Canvas, (x, y): (u32, u32), module: u32, level: char, text: &str) -> bool {
    let level = match level {
        'H' => EcLevel::H,
        'Q' => EcLevel::Q,
        'M' => EcLevel::M,
        'L' => EcLevel::L,
        _ => return false,
    };
    let Ok(code) = QrCode::with_error_correction_level(text, level) else { return false };
    let width = code.width();
    for (place, _) in code.to_colors().iter().enumerate().filter(|(_, colour)| **colour == Color::Dark) {
        let (across, down) = ((place % width) as u32, (place / width) as u32);
        canvas.bar((x + across * module, y + down * module), (module, module));
    }
    true
}
