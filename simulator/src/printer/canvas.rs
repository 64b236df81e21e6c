//! Paper: dots, and whatever was to be drawn beside it.

use std::io::Write;

/// A label's dots, row by row; true is black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    width: u32,
    height: u32,
    dots: Vec<bool>,
    /// Black dots that fell beside the paper.
    beside: u32,
}

impl Canvas {
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, dots: vec![false; (width * height) as usize], beside: 0 }
    }

    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    #[must_use]
    pub fn is_black(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && self.dots[(y * self.width + x) as usize]
    }

    #[must_use]
    pub fn black_dots(&self) -> usize {
        self.dots.iter().filter(|dot| **dot).count()
    }

    #[must_use]
    pub fn beside(&self) -> u32 {
        self.beside
    }

    pub fn dot(&mut self, x: u32, y: u32) {
        if x < self.width && y < self.height {
            self.dots[(y * self.width + x) as usize] = true;
        } else {
            self.beside += 1;
        }
    }

    pub fn bar(&mut self, (x, y): (u32, u32), (width, height): (u32, u32)) {
        for down in 0..height {
            for across in 0..width {
                self.dot(x + across, y + down);
            }
        }
    }

    /// Rows in whole bytes, the leftmost dot in the highest bit; a set bit is black.
    pub fn bits(&mut self, (x, y): (u32, u32), bytes_across: u32, bits: &[u8]) {
        for (row, bytes) in bits.chunks(bytes_across.max(1) as usize).enumerate() {
            for (at, byte) in bytes.iter().enumerate() {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    self.dot(x + at as u32 * 8 + bit, y + row as u32);
                }
            }
        }
    }

    /// As a PNG, each dot so many pixels wide, with a margin of so many dots: a code needs white around it.
    ///
    /// # Errors
    /// Whoever takes it does not.
    pub fn write_png(&self, out: impl Write, pixels: u32, margin: u32) -> std::io::Result<()> {
        let (across, down) = ((self.width + 2 * margin) * pixels, (self.height + 2 * margin) * pixels);
        let mut encoder = png::Encoder::new(out, across, down);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut grey = Vec::with_capacity((across * down) as usize);
        for y in 0..down {
            for x in 0..across {
                let (x, y) = ((x / pixels).wrapping_sub(margin), (y / pixels).wrapping_sub(margin));
                grey.push(if self.is_black(x, y) { 0 } else { 255 });
            }
        }
        let mut writer = encoder.write_header().map_err(std::io::Error::other)?;
        writer.write_image_data(&grey).map_err(std::io::Error::other)
    }
}
