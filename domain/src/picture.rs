//! A picture beside a question: a drawing as text (SVG), small, and made of shapes and letters alone. It stands in the procedure's own file, so
//! that it is released, signed and checked with it. Whoever shows it need not trust it: what could run, load or point elsewhere is no picture.

use serde::{Deserialize, Serialize};

/// The longest drawing, bytes.
pub const MOST_BYTES: usize = 24 * 1024;

const ELEMENTS: [&str; 14] = [
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title",
    "desc", "defs",
];
const ATTRIBUTES: [&str; 38] = [
    "xmlns",
    "viewBox",
    "width",
    "height",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "d",
    "points",
    "dx",
    "dy",
    "transform",
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-width",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-dasharray",
    "stroke-opacity",
    "opacity",
    "font-size",
    "font-family",
    "font-weight",
    "text-anchor",
    "dominant-baseline",
    "letter-spacing",
    "role",
    "aria-label",
];

/// A drawing that may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Picture(String);

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureFault {
    #[error("a picture has at most {MOST_BYTES} bytes, this one {0}")]
    Long(usize),
    #[error("a picture is one <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"..\"> with its end")]
    NoSvg,
    #[error("a picture has no <{0}>: shapes and letters only")]
    Element(String),
    #[error("a picture has no {0}=\"..\": nothing in it runs, loads or points elsewhere")]
    Attribute(String),
    #[error("a picture's value {0:?} points elsewhere or holds what is no value")]
    Value(String),
    #[error("the picture's text breaks off or is no SVG at byte {0}")]
    Broken(usize),
}

impl Picture {
    /// Takes what may be shown.
    ///
    /// # Errors
    /// It is too long, no SVG, or holds anything but shapes and letters.
    pub fn parse(text: &str) -> Result<Self, PictureFault> {
        let text = text.trim();
        if text.len() > MOST_BYTES {
            return Err(PictureFault::Long(text.len()));
        }
        let head = text.split_once('>').map(|(head, _)| head).unwrap_or_default();
        let is_whole = head.starts_with("<svg ")
            && head.contains("xmlns=\"http://www.w3.org/2000/svg\"")
            && head.contains("viewBox=\"")
            && text.ends_with("</svg>");
        if !is_whole {
            return Err(PictureFault::NoSvg);
        }
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The text, to be served as `image/svg+xml`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every tag in turn; between them stands text.
fn check(text: &str) -> Result<(), PictureFault> {
    let mut at = 0;
    let mut open: Vec<&str> = Vec::new();
    while let Some(from) = text[at..].find('<').map(|found| at + found) {
        let to = text[from..].find('>').map(|found| from + found).ok_or(PictureFault::Broken(from))?;
        let tag = &text[from + 1..to];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim()) {
                return Err(PictureFault::Broken(from));
            }
            // The one that was opened first ends the picture.
            if open.is_empty() && to + 1 != text.len() {
                return Err(PictureFault::Broken(to));
            }
        } else {
            let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
            let name = tag.split(char::is_whitespace).next().unwrap_or_default();
            if !ELEMENTS.contains(&name) {
                return Err(PictureFault::Element(name.to_owned()));
            }
            attributes(&tag[name.len()..], from)?;
            if !is_empty {
                open.push(name);
            }
        }
        at = to + 1;
    }
    if open.is_empty() { Ok(()) } else { Err(PictureFault::Broken(text.len())) }
}

fn attributes(text: &str, at: usize) -> Result<(), PictureFault> {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(PictureFault::Broken(at))?;
        let name = name.trim();
        if !ATTRIBUTES.contains(&name) {
            return Err(PictureFault::Attribute(name.to_owned()));
        }
        let after = after.trim_start().strip_prefix('"').ok_or(PictureFault::Broken(at))?;
        let (value, after) = after.split_once('"').ok_or(PictureFault::Broken(at))?;
        let is_value = |c: char| !matches!(c, '<' | '>' | '&' | '\\' | ';') && !c.is_control();
        // A name space is no address, and the only value that may look like one.
        let points =
            name != "xmlns" && (value.contains("url") || value.contains(':') || value.contains("//"));
        if points || !value.chars().all(|c| is_value(c) || c.is_whitespace()) {
            return Err(PictureFault::Value(value.to_owned()));
        }
        rest = after.trim_start();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 60\">";

    fn parse(inside: &str) -> Result<Picture, PictureFault> {
        Picture::parse(&format!("\n{HEAD}{inside}</svg>\n"))
    }

    #[test]
    fn a_drawing_of_shapes_and_letters_is_a_picture() {
        let drawn = "<g fill=\"none\" stroke=\"#000\" stroke-width=\"2\"><rect x=\"1\" y=\"1\" width=\"60\" height=\"40\"/>\
                     <path d=\"M 1 1 L 20 20 Z\"></path></g><text x=\"4\" y=\"50\" font-size=\"8\">CN1 线束</text>";
        let picture = parse(drawn).unwrap();
        assert!(picture.as_str().starts_with("<svg ") && picture.as_str().ends_with("</svg>"));
        let text = serde_json::to_string(&picture).unwrap();
        assert_eq!(serde_json::from_str::<Picture>(&text).unwrap(), picture);
    }

    #[test]
    fn what_runs_loads_or_points_elsewhere_is_none() {
        for inside in [
            "<script>alert(1)</script>",
            "<SCRIPT/>",
            "<foreignObject><p/></foreignObject>",
            "<image href=\"http://x/\"/>",
            "<use href=\"#a\"/>",
            "<a href=\"x\"><rect/></a>",
            "<style>@import url(x)</style>",
            "<rect onload=\"x()\"/>",
            "<rect style=\"fill:url(x)\"/>",
            "<rect fill=\"url(#a)\"/>",
            "<rect fill=\"javascript:x\"/>",
            "<rect fill=\"&#106;\"/>",
            "<rect href=\"x\"/>",
            "<rect xlink:href=\"x\"/>",
            "<rect fill='red'/>",
            "<rect fill=red/>",
            "<!ENTITY x \"y\">",
            "<?xml-stylesheet href=\"x\"?>",
            "<!-- a comment -->",
            "<![CDATA[<script>]]>",
            "<animate attributeName=\"x\"/>",
            "<g>",
            "</g>",
            "<rect",
            "</svg><script>x</script><svg>",
            "</svg><svg>",
        ] {
            assert!(parse(inside).is_err(), "{inside}");
        }
        for whole in [
            "",
            "<svg/>",
            "<svg viewBox=\"0 0 1 1\"></svg>",
            "text",
            HEAD,
            "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>",
        ] {
            assert_eq!(Picture::parse(whole), Err(PictureFault::NoSvg), "{whole}");
        }
        let long = "<g></g>".repeat(MOST_BYTES / 7 + 1);
        assert!(matches!(parse(&long), Err(PictureFault::Long(_))));
    }

    proptest::proptest! {
        /// Whatever is taken holds no tag and no attribute but those named, however it is written.
        #[test]
        fn what_is_taken_holds_nothing_that_could_run(inside in "[<>/=\" a-zA-Z:#;&!()-]{0,60}") {
            if let Ok(picture) = parse(&inside) {
                let text = picture.as_str().to_lowercase();
                for word in ["<script", "<image", "<a ", "<use", "<style", " on", "url(", "href", "<!", "<?"] {
                    let tags: String = text.split('<').skip(1).map(|part| format!("<{}", part.split('>').next().unwrap_or_default())).collect();
                    proptest::prop_assert!(!tags.contains(word), "{} in {}", word, text);
                }
            }
        }
    }
}
