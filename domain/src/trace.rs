//! Voltage and current over a run: what was read of a board anyway while it was worked, kept to be drawn. Nothing is judged by it.
//!
//! What lives here: the series and its bound, and where things stand in a picture of it. What never does: colours, words, drawing.

use crate::limit::Limit;

/// Points of one series; one that would grow beyond loses every second point.
pub const MOST_POINTS: usize = 120;

wire! {
    /// What a series shows.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Quantity {
        /// The pack's voltage as the board reads it, volts.
        PackVoltage,
        /// The pack's current as the board reads it, amperes; discharge is negative where the board counts so.
        PackCurrent,
        /// The load as its instrument reads it, amperes.
        LoadCurrent,
    }
}

wire! {
    /// One quantity over a run.
    pub struct Trace {
        pub quantity: Quantity,
        /// Milliseconds after the run's start, and the reading; in the order of time, at most [`MOST_POINTS`].
        pub points: Vec<(u64, f64)>,
    }
}

impl Quantity {
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::PackVoltage => "V",
            Self::PackCurrent | Self::LoadCurrent => "A",
        }
    }

    /// What that register shows, with what makes its reading one in [`Quantity::unit`]: by the names that all models use.
    #[must_use]
    pub fn of_register(name: &str) -> Option<(Self, f64)> {
        Some(match name {
            "pack_voltage_mv" => (Self::PackVoltage, 0.001),
            "pack_voltage_v" => (Self::PackVoltage, 1.0),
            "current_ma" => (Self::PackCurrent, 0.001),
            "current_a" => (Self::PackCurrent, 1.0),
            _ => return None,
        })
    }
}

/// What a measurement of that name and unit is held to, where it is one of a quantity that is drawn: by the names that all procedures give.
#[must_use]
pub fn limit_of(name: &str, unit: &str, limit: &Limit) -> Option<(Quantity, Limit)> {
    let quantity = match name {
        name if name.starts_with("pack_voltage") => Quantity::PackVoltage,
        name if name.starts_with("current") => Quantity::PackCurrent,
        _ => return None,
    };
    let factor = match unit {
        "mV" | "mA" => 0.001,
        "V" | "A" => 1.0,
        _ => return None,
    };
    let scaled = |bound: Option<f64>| bound.map(|bound| bound * factor);
    Some((quantity, Limit { min: scaled(limit.min), max: scaled(limit.max) }))
}

/// Puts a reading behind its series; one that is no number is none. A second reading of the same millisecond takes the first one's place.
pub fn push(traces: &mut Vec<Trace>, quantity: Quantity, at_ms: u64, value: f64) {
    if !value.is_finite() {
        return;
    }
    let at = traces.iter().position(|trace| trace.quantity == quantity).unwrap_or_else(|| {
        traces.push(Trace { quantity, points: Vec::new() });
        traces.len() - 1
    });
    let points = &mut traces[at].points;
    match points.last_mut() {
        Some(last) if last.0 >= at_ms => *last = (last.0, value),
        _ => points.push((at_ms, value)),
    }
    if points.len() > MOST_POINTS {
        // The newest stays: it is what somebody looks at.
        let mut keeps = points.len().is_multiple_of(2);
        points.retain(|_| {
            keeps = !keeps;
            keeps
        });
    }
}

/// Where things stand in a picture from 0 to 1, left to right and bottom to top.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// The readings.
    pub points: Vec<(f64, f64)>,
    /// What stands at the bottom and at the top.
    pub low: f64,
    pub high: f64,
    /// Values to be written beside it, with their height.
    pub ticks: Vec<(f64, f64)>,
    /// Limits that lie within the picture: the height of each with its value.
    pub limits: Vec<(f64, f64)>,
    /// Milliseconds at the right edge.
    pub until_ms: u64,
}

/// Room above and below, as a share of what is drawn.
const BEYOND: f64 = 0.12;

/// A picture of readings until `until_ms`, with the limits that they were held to; none of an empty series.
#[must_use]
pub fn plot(points: &[(u64, f64)], limits: &[Limit], until_ms: u64) -> Option<Plot> {
    let until_ms = points.last()?.0.max(until_ms).max(1);
    let bounds = limits.iter().flat_map(|limit| [limit.min, limit.max]).flatten();
    let all = points.iter().map(|(_, value)| *value).chain(bounds.clone()).filter(|value| value.is_finite());
    let (least, most) =
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
    let span = most - least;
    // A line that stays where it is lies in the middle.
    let room = if span > 0.0 { span * BEYOND } else { (most.abs() * 0.02).max(0.5) };
    let (low, high) = (least - room, most + room);
    let height = |value: f64| ((value - low) / (high - low)).clamp(0.0, 1.0);
    let mut drawn: Vec<f64> = bounds.filter(|value| value.is_finite()).collect();
    drawn.sort_by(f64::total_cmp);
    drawn.dedup();
    Some(Plot {
        points: points.iter().map(|(at, value)| (*at as f64 / until_ms as f64, height(*value))).collect(),
        low,
        high,
        ticks: ticks(low, high).into_iter().map(|value| (height(value), value)).collect(),
        limits: drawn.into_iter().map(|value| (height(value), value)).collect(),
        until_ms,
    })
}

/// Two to six round figures between them.
#[must_use]
pub fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return Vec::new();
    }
    let rough = span / 4.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * decade);
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first) as usize;
    (0..=count.min(8)).map(|at| (first + at as f64) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_keeps_its_bound_its_order_and_its_newest_reading() {
        let mut traces = Vec::new();
        for at in 0..5000u64 {
            push(&mut traces, Quantity::PackVoltage, at * 10, at as f64);
            let points = &traces[0].points;
            assert!(points.len() <= MOST_POINTS);
            assert_eq!(points.last(), Some(&(at * 10, at as f64)));
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        assert!(traces[0].points.len() >= MOST_POINTS / 2 && traces[0].points[0].0 < 2000);
        push(&mut traces, Quantity::PackVoltage, 49_990, 7.0);
        push(&mut traces, Quantity::PackVoltage, 60_000, f64::NAN);
        assert_eq!(traces[0].points.last(), Some(&(49_990, 7.0)));
        push(&mut traces, Quantity::LoadCurrent, 0, 1.0);
        assert_eq!(traces.len(), 2);
    }

    #[test]
    fn what_is_drawn_lies_in_the_picture_with_its_limits() {
        let limit = Limit { min: Some(47.0), max: Some(54.0) };
        let drawn = plot(&[(0, 50.0), (1000, 40.0), (2000, 52.0)], &[limit, limit], 4000).unwrap();
        assert_eq!((drawn.until_ms, drawn.limits.len()), (4000, 2));
        assert_eq!(drawn.points.iter().map(|(x, _)| *x).collect::<Vec<_>>(), [0.0, 0.25, 0.5]);
        let heights = drawn
            .points
            .iter()
            .chain(&drawn.limits.iter().map(|(y, _)| (0.0, *y)).collect::<Vec<_>>())
            .map(|(_, y)| *y)
            .collect::<Vec<_>>();
        assert!(heights.iter().all(|y| (0.05..=0.95).contains(y)), "{heights:?}");
        assert!(drawn.limits[0].0 < drawn.points[0].1 && drawn.points[0].1 < drawn.limits[1].0);
        assert!(drawn.points[1].1 < drawn.limits[0].0, "below its limit it is drawn below it");
        assert_eq!(plot(&[], &[limit], 10), None);
        let flat = plot(&[(5, 0.0)], &[], 0).unwrap();
        assert_eq!((flat.points[0], flat.until_ms), ((1.0, 0.5), 5));
    }

    #[test]
    fn figures_beside_a_picture_are_round_and_few() {
        assert_eq!(ticks(46.0, 55.0), [50.0, 55.0]);
        for (low, high) in
            [(46.0, 55.0), (-0.5, 0.5), (0.0, 1.0), (-12.3, 200.0), (1e-4, 2e-4), (49.0, 49.02)]
        {
            let found = ticks(low, high);
            assert!((2..=6).contains(&found.len()), "{low}..{high}: {found:?}");
            assert!(found.iter().all(|tick| (low..=high).contains(tick)), "{low}..{high}: {found:?}");
        }
        assert_eq!(ticks(1.0, 1.0), Vec::<f64>::new());
    }

    #[test]
    fn a_limit_is_drawn_in_the_picture_of_its_quantity_and_in_its_unit() {
        let limit = Limit { min: Some(-500.0), max: None };
        let of = |name: &str, unit: &str| limit_of(name, unit, &limit);
        assert_eq!(
            of("current_idle", "mA"),
            Some((Quantity::PackCurrent, Limit { min: Some(-0.5), max: None }))
        );
        assert_eq!(of("pack_voltage_under_load", "V"), Some((Quantity::PackVoltage, limit)));
        assert_eq!((of("cell_1", "mV"), of("current_ratio", "%")), (None, None));
    }

    #[test]
    fn a_register_is_known_by_the_name_that_all_models_give_it() {
        assert_eq!(Quantity::of_register("pack_voltage_mv"), Some((Quantity::PackVoltage, 0.001)));
        assert_eq!(Quantity::of_register("current_a"), Some((Quantity::PackCurrent, 1.0)));
        assert_eq!(Quantity::of_register("current_calibration_ma"), None);
    }
}
