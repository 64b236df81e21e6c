//! The font that draws what label printers have no letters for: Chinese, above all.

use ab_glyph::{Font as _, FontVec, Glyph, OutlinedGlyph, PxScale, ScaleFont as _, point};
use domain::label_template::{Glyphs, Picture};
use std::path::Path;

/// Where systems keep a font with Chinese, and which of the file's faces is the simplified one.
const WELL_KNOWN: [(&str, u32); 8] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("C:\\Windows\\Fonts\\msyh.ttc", 0),
    ("C:\\Windows\\Fonts\\simhei.ttf", 0),
    ("C:\\Windows\\Fonts\\simsun.ttc", 0),
];

/// So much of a dot covered is a black one: thin strokes of small letters stay whole.
const COVERED: f32 = 0.4;

/// A font in memory.
#[derive(Debug)]
pub struct LabelFont(FontVec);

impl LabelFont {
    /// Reads the font of that file, its first face; of a collection of Noto's the simplified Chinese one.
    ///
    /// # Errors
    /// The file can't be read, or is no font.
    pub fn read(path: &Path) -> Result<Self, String> {
        let known = WELL_KNOWN.iter().find(|(known, _)| Path::new(known) == path);
        Self::read_face(path, known.map_or(0, |(_, face)| *face))
    }

    /// The first of the places where systems keep one; none: there is none.
    #[must_use]
    pub fn find() -> Option<Self> {
        WELL_KNOWN.iter().find_map(|(path, face)| Self::read_face(Path::new(path), *face).ok())
    }

    fn read_face(path: &Path, face: u32) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let font = FontVec::try_from_vec_and_index(bytes, face);
        font.map(Self).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The glyphs in their places, and how far they reach; none: the font lacks one.
    fn set(&self, text: &str, height: u32) -> Option<(Vec<Glyph>, f32)> {
        let scale = PxScale::from(height as f32);
        let font = self.0.as_scaled(scale);
        let (mut glyphs, mut at, mut before) = (Vec::new(), 0.0, None);
        for c in text.chars() {
            let id = self.0.glyph_id(c);
            if id.0 == 0 {
                return None;
            }
            at += before.map_or(0.0, |before| font.kern(before, id));
            glyphs.push(id.with_scale_and_position(scale, point(at, font.ascent())));
            at += font.h_advance(id);
            before = Some(id);
        }
        Some((glyphs, at))
    }
}

impl Glyphs for LabelFont {
    fn picture(&self, text: &str, height: u32) -> Option<Picture> {
        let (glyphs, reach) = self.set(text, height)?;
        let width = reach.ceil().max(1.0) as u32;
        let mut black = vec![false; (width * height) as usize];
        for glyph in glyphs.into_iter().filter_map(|glyph| self.0.outline_glyph(glyph)) {
            draw(&glyph, &mut black, (width, height));
        }
        Some(Picture::new(width, height, |x, y| black[(y * width + x) as usize]))
    }
}

fn draw(glyph: &OutlinedGlyph, black: &mut [bool], (width, height): (u32, u32)) {
    let corner = glyph.px_bounds().min;
    glyph.draw(|x, y, covered| {
        let (x, y) = (corner.x as i64 + i64::from(x), corner.y as i64 + i64::from(y));
        let is_inside = (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y);
        if is_inside && covered >= COVERED {
            black[(y * i64::from(width) + x) as usize] = true;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_drawn_as_high_as_it_was_asked_for_and_a_missing_letter_is_told() {
        let Some(font) = LabelFont::find() else {
            // Whoever builds without one still learns that it is missed: by the fault of the batch.
            assert!(
                LabelFont::read(Path::new("/nowhere/font.ttc")).unwrap_err().contains("/nowhere/font.ttc")
            );
            return;
        };
        let picture = font.picture("12 串钛酸锂", 24).unwrap();
        assert_eq!(picture.height(), 24);
        let rows: Vec<bool> = picture
            .bits()
            .chunks(picture.bytes_across() as usize)
            .map(|row| row.iter().any(|byte| *byte != 0))
            .collect();
        assert!(rows.iter().filter(|row| **row).count() > 14, "{rows:?}");
        let wider = font.picture("12 串钛酸锂 200 A", 24).unwrap();
        assert!(wider.width() > picture.width());
        assert_eq!(font.picture("\u{E000}\u{10FFFF}", 24), None, "letters that nobody has");
    }

    #[test]
    fn a_file_that_is_no_font_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fault = LabelFont::read(file.path()).unwrap_err();
        assert!(fault.contains(&file.path().display().to_string()), "{fault}");
    }
}
