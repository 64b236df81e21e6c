//! The printer's own letters: printable ASCII, scaled to the cell that a command asks for.

use super::Canvas;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};

/// So much ink makes a dot.
const INKED: u8 = 110;

/// Draws `text`, each letter in a cell of that size; gives the letters that the printer has not.
pub fn draw(canvas: &mut Canvas, (x, y): (u32, u32), (width, height): (u32, u32), text: &str) -> Vec<char> {
    let mut missing = Vec::new();
    for (place, letter) in text.chars().enumerate() {
        let Some(raster) = get_raster(letter, FontWeight::Bold, RasterHeight::Size32) else {
            missing.push(letter);
            continue;
        };
        let left = x + place as u32 * width;
        for (down, across) in (0..height).flat_map(|down| (0..width).map(move |across| (down, across))) {
            let from = |at: u32, cell: u32, whole: usize| (at as usize * whole) / cell.max(1) as usize;
            let (x_in, y_in) = (from(across, width, raster.width()), from(down, height, raster.height()));
            if raster.pixel(x_in, y_in).is_some_and(|ink| ink > INKED) {
                canvas.dot(left + across, y + down);
            }
        }
    }
    missing
}
