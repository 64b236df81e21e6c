//! Why runs failed: bars labelled directly, most frequent first.

/// One bar in a drawing 100 units wide for the bars; the label stands left of it, the count right of its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    pub y: f64,
    pub width: f64,
}

/// Height of a bar and from bar to bar, in the drawing's units.
pub const BAR: f64 = 16.0;
pub const STEP: f64 = 27.0;

/// The bars of `counts`, the greatest `full` wide. A count above nothing is never invisible.
pub fn bars(counts: &[u32], full: f64) -> Vec<Bar> {
    let most = counts.iter().copied().max().unwrap_or(0);
    counts
        .iter()
        .enumerate()
        .map(|(at, count)| Bar {
            y: at as f64 * STEP,
            width: if most == 0 || *count == 0 {
                0.0
            } else {
                (full * f64::from(*count) / f64::from(most)).max(2.0)
            },
        })
        .collect()
}

/// Height of the whole drawing.
pub fn height(rows: usize) -> f64 {
    rows as f64 * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_counts_and_none_vanishes() {
        let drawn = bars(&[41, 17, 0, 1], 230.0);
        assert_eq!(drawn[0], Bar { y: 0.0, width: 230.0 });
        assert!((drawn[1].width - 230.0 * 17.0 / 41.0).abs() < 1e-9);
        assert_eq!(drawn[2].width, 0.0);
        assert!(drawn[3].width >= 2.0 && drawn[3].y == 3.0 * STEP);
        assert!(bars(&[], 230.0).is_empty());
        assert_eq!(bars(&[0], 230.0)[0].width, 0.0);
    }

    #[test]
    fn the_last_bar_fits_into_the_drawing() {
        let drawn = bars(&[3, 2, 1], 100.0);
        assert!(drawn[2].y + BAR <= height(3));
    }
}
