//! One measurement as a mark between its limits.

use domain::limit::Limit;

/// Where things stand on a bar from 0 to 1. The mark stays on the bar however far out the reading is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitBar {
    /// Where the allowed range starts and ends.
    pub from: f64,
    pub to: f64,
    /// Where the reading is; none for a reading that is no number.
    pub mark: Option<f64>,
}

/// Room beyond a limit, as a share of the allowed range.
const BEYOND: f64 = 0.16;

/// The narrowest that an allowed range is drawn.
const NARROWEST: f64 = 0.12;

/// The bar of `value` within `limit`; none where there is no limit to draw.
pub fn limit_bar(value: f64, limit: &Limit) -> Option<LimitBar> {
    let known = if value.is_finite() { value } else { 0.0 };
    let (low, high) = match (limit.min, limit.max) {
        (Some(min), Some(max)) if max > min => {
            let beyond = (max - min) * BEYOND;
            (min - beyond, max + beyond)
        }
        (Some(min), Some(_)) => (min - 1.0, min + 1.0),
        (None, Some(max)) => {
            let low = if max > 0.0 { known.min(0.0) } else { known.min(max * 2.0 - 1.0) };
            (low, max + (max - low) * BEYOND)
        }
        (Some(min), None) => {
            let span = ((known - min).abs() * 1.6).max(min.abs() * 0.2).max(f64::MIN_POSITIVE);
            (min - span * BEYOND, min + span)
        }
        (None, None) => return None,
    };
    let place = |at: f64| ((at - low) / (high - low)).clamp(0.0, 1.0);
    let (from, to) = (limit.min.map_or(0.0, place), limit.max.map_or(1.0, place));
    // One single allowed value still shows as a range one can see.
    let wider = ((NARROWEST - (to - from)) / 2.0).max(0.0);
    Some(LimitBar {
        from: (from - wider).max(0.0),
        to: (to + wider).min(1.0),
        mark: value.is_finite().then(|| place(value).clamp(0.01, 0.99)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: f64, min: Option<f64>, max: Option<f64>) -> LimitBar {
        limit_bar(value, &Limit { min, max }).unwrap()
    }

    #[test]
    fn a_reading_within_its_limits_is_drawn_within_them_and_one_outside_outside() {
        let limits = [
            (Some(2280.0), Some(2360.0)),
            (None, Some(30.0)),
            (Some(0.5), None),
            (Some(-40.0), Some(-10.0)),
            (None, Some(-5.0)),
        ];
        for (min, max) in limits {
            let limit = Limit { min, max };
            let ends = [min, max];
            let about = ends.iter().flatten().copied().collect::<Vec<_>>();
            for step in -30..=30 {
                let span = if let (Some(min), Some(max)) = (min, max) { max - min } else { about[0].abs() };
                let value = about[0] + span * f64::from(step) / 20.0;
                let bar = limit_bar(value, &limit).unwrap();
                let mark = bar.mark.unwrap();
                assert!((0.0..=1.0).contains(&mark) && bar.from <= bar.to, "{bar:?}");
                let shown_within = mark >= bar.from - 0.011 && mark <= bar.to + 0.011;
                if limit.holds(value) {
                    assert!(shown_within, "{value} in {limit:?}: {bar:?}");
                }
                if !limit.holds(value)
                    && (value - about[0]).abs() > span * 0.5
                    && about.len() == 2
                    && value < about[0]
                {
                    assert!(mark < bar.from, "{value} in {limit:?}: {bar:?}");
                }
            }
        }
    }

    #[test]
    fn a_mark_far_out_stays_on_the_bar() {
        let far = bar(9000.0, Some(2280.0), Some(2360.0));
        assert_eq!(far.mark, Some(0.99));
        assert!(far.to < 0.99);
        assert_eq!(bar(f64::NAN, Some(1.0), Some(2.0)).mark, None);
    }

    #[test]
    fn no_limit_draws_no_bar() {
        assert_eq!(limit_bar(1.0, &Limit::default()), None);
    }

    #[test]
    fn equal_limits_and_zero_limits_do_not_divide_by_nothing() {
        for limit in [
            Limit { min: Some(5.0), max: Some(5.0) },
            Limit { min: Some(0.0), max: None },
            Limit { min: None, max: Some(0.0) },
        ] {
            let bar = limit_bar(0.0, &limit).unwrap();
            assert!(
                bar.from.is_finite() && bar.to.is_finite() && bar.mark.unwrap().is_finite(),
                "{limit:?} {bar:?}"
            );
        }
    }
}
