//! Cells, shunt and temperatures: what there is to measure. Seeded, so that a board measures the same whenever it is asked.

use core::time::Duration;
use protocol::Instant;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::faults::Fault;

/// How far the low cell of [`Fault::CellOutOfLimits`] lies under the others, millivolts.
pub const LOW_CELL_MV: f64 = 60.0;
/// What the cell of [`Fault::DriftingCell`] loses, millivolts a second.
pub const DRIFT_MV_PER_S: f64 = 4.0;

/// About what titanate cells read at rest and half charge, millivolts.
const TITANATE_REST_MV: f64 = 2315.0;

/// What the jig's pack holds, ampere hours.
const CAPACITY_AH: f64 = 100.0;
/// How far the power stage ends above its surroundings, °C an ampere, and how soon: two thirds of it after so many seconds.
const POWER_HEAT: (f64, f64) = (0.08, 45.0);
/// The same of the cells, by the square of the current as a resistance heats.
const CELL_HEAT: (f64, f64) = (0.000_5, 900.0);
/// What a cell's rest voltage loses with each per cent of charge in the flat middle of its curve, millivolts.
const REST_MV_PER_PERCENT: f64 = 1.0;

/// The pack and the board's eyes on it.
#[derive(Debug, Clone)]
pub struct Pack {
    cells: Vec<Cell>,
    /// What the uncalibrated shunt makes of a current: 1.00 is right.
    shunt_error: f64,
    /// Time constant of the current's filter.
    settle: Duration,
    flowing_a: f64,
    seen_a: f64,
    seen_at: Instant,
    /// When it was first looked at.
    first_at: Option<Instant>,
    ambient_c: f64,
    /// How far the cells and the power stage are above their surroundings by what flows, °C.
    heat_c: [f64; 2],
    soc_percent: f64,
    /// What it was at first, per cent: the cells' rest voltages are those of then.
    first_soc_percent: f64,
    noise: StdRng,
    /// The cell that drifts.
    drifting: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    open_mv: f64,
    resistance_milliohm: f64,
}

impl Pack {
    /// A pack of up to `cells` titanate cells (2300 to 2330 mV at rest). `settle_ms`: time until a reading is good.
    #[must_use]
    pub fn new(cells: u8, settle_ms: u32, seed: u64, fault: Option<Fault>) -> Self {
        let mut chance = StdRng::seed_from_u64(seed ^ 0x7061_636b);
        let middle = chance.random_range(2308.0..2322.0);
        let mut cells: Vec<Cell> = (0..cells)
            .map(|_| Cell {
                open_mv: middle + chance.random_range(-7.0..7.0),
                resistance_milliohm: chance.random_range(0.30..0.45),
            })
            .collect();
        // Among the first three, so that the smallest pack has it too.
        let low = chance.random_range(0..3_usize);
        if fault == Some(Fault::CellOutOfLimits)
            && let Some(cell) = cells.get_mut(low)
        {
            cell.open_mv = middle - LOW_CELL_MV;
        }
        let is_wrong = fault == Some(Fault::WrongShunt);
        let error = chance.random_range(0.02..0.06) + if is_wrong { 0.12 } else { 0.0 };
        let shunt_error = if chance.random_bool(0.5) { 1.0 + error } else { 1.0 - error };
        let ambient_c = chance.random_range(23.5..27.5);
        let soc_percent = f64::from(chance.random_range(45_u8..56));
        Self {
            cells,
            shunt_error,
            // After `settle` the rest of a step is e^-8 of it, 0.03 %.
            settle: Duration::from_millis(u64::from(settle_ms)) / 8,
            flowing_a: 0.0,
            seen_a: 0.0,
            seen_at: Instant::ZERO,
            first_at: None,
            ambient_c,
            heat_c: [0.0; 2],
            soc_percent,
            first_soc_percent: soc_percent,
            noise: StdRng::seed_from_u64(seed ^ 0x6e6f_6973),
            drifting: (fault == Some(Fault::DriftingCell)).then_some(low),
        }
    }

    /// With cells of another chemistry: they rest at about `rest_mv`, as far from each other as before.
    #[must_use]
    pub fn resting_at(mut self, rest_mv: f64) -> Self {
        for cell in &mut self.cells {
            cell.open_mv += rest_mv - TITANATE_REST_MV;
        }
        self
    }

    /// Lets time pass: what flows empties the pack and heats it.
    pub fn look(&mut self, now: Instant) {
        self.filter(now);
    }

    /// From now on this current flows out of the pack, amperes.
    pub fn set_current(&mut self, now: Instant, flowing_a: f64) {
        self.filter(now);
        self.flowing_a = flowing_a;
    }

    /// The current that really flows, amperes.
    #[must_use]
    pub fn flowing_a(&self) -> f64 {
        self.flowing_a
    }

    /// What the filter holds before any correction, amperes.
    pub fn seen_a(&mut self, now: Instant) -> f64 {
        self.filter(now);
        self.seen_a
    }

    /// The current as the board shows it with the correction `gain`, amperes.
    pub fn shown_a(&mut self, now: Instant, gain: f64) -> f64 {
        self.filter(now);
        let ripple = 1.0 + self.noise.random_range(-0.0008..0.0008);
        self.seen_a * gain * ripple
    }

    /// By how much a settled current is shown wrong with the correction `gain`, percent of the true one.
    #[must_use]
    pub fn current_error_percent(&self, gain: f64) -> f64 {
        (self.shunt_error * gain - 1.0) * 100.0
    }

    /// Voltage of cell `index` (from 0) as measured, millivolts; 0 beyond the pack.
    pub fn cell_mv(&mut self, index: usize) -> f64 {
        let Some(cell) = self.cells.get(index).copied() else { return 0.0 };
        let noise = self.noise.random_range(-0.6..0.6);
        let lost = if self.drifting == Some(index) { self.age_s() * DRIFT_MV_PER_S } else { 0.0 };
        let emptied = (self.first_soc_percent - self.soc_percent) * REST_MV_PER_PERCENT;
        cell.open_mv - lost - emptied - self.flowing_a * cell.resistance_milliohm + noise
    }

    /// Temperature of the cells, of the balancer and of the power stage when it was looked at last, °C.
    #[must_use]
    pub fn temperatures_c(&self) -> [f64; 3] {
        let [cells, power] = self.heat_c;
        [self.ambient_c + cells, self.ambient_c + 1.5 + cells, self.ambient_c + 2.5 + power]
    }

    #[must_use]
    pub fn soc_percent(&self) -> f64 {
        self.soc_percent
    }

    fn age_s(&self) -> f64 {
        self.seen_at.saturating_sub(self.first_at.unwrap_or(self.seen_at)).as_secs_f64()
    }

    fn filter(&mut self, now: Instant) {
        let passed = now.saturating_sub(self.seen_at).as_secs_f64();
        self.seen_at = self.seen_at.max(now);
        self.first_at.get_or_insert(now);
        let target = self.flowing_a * self.shunt_error;
        let hours = passed / 3600.0;
        self.soc_percent =
            (self.soc_percent - self.flowing_a * hours / CAPACITY_AH * 100.0).clamp(0.0, 100.0);
        let load = self.flowing_a.abs();
        let ends = [(load * load * CELL_HEAT.0, CELL_HEAT.1), (load * POWER_HEAT.0, POWER_HEAT.1)];
        for (heat, (end, seconds)) in self.heat_c.iter_mut().zip(ends) {
            *heat = end + (*heat - end) * (-passed / seconds).exp();
        }
        let keep = if self.settle.is_zero() { 0.0 } else { (-passed / self.settle.as_secs_f64()).exp() };
        self.seen_a = target + (self.seen_a - target) * keep;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncalibrated_shunt_is_two_to_six_percent_off_and_settles() {
        for seed in 0..200 {
            let mut pack = Pack::new(24, 800, seed, None);
            pack.set_current(Duration::from_secs(1), 20.0);
            assert!(pack.seen_a(Duration::from_millis(1050)) < 15.0, "seed {seed}");
            let off = (pack.seen_a(Duration::from_millis(1800)) / 20.0 - 1.0).abs();
            assert!((0.019..0.061).contains(&off), "seed {seed}: {off}");
        }
    }

    #[test]
    fn a_load_empties_the_pack_and_warms_it_and_neither_at_once() {
        for seed in 0..50 {
            let mut pack = Pack::new(16, 800, seed, None);
            let (soc, cold, rest) = (pack.soc_percent(), pack.temperatures_c(), pack.cell_mv(0));
            pack.set_current(Duration::from_secs(10), 100.0);
            assert_eq!(
                (pack.soc_percent(), pack.temperatures_c()),
                (soc, cold),
                "no time has passed under it"
            );
            pack.look(Duration::from_secs(10 + 45));
            let warm = pack.temperatures_c();
            assert!((4.5..5.5).contains(&(warm[2] - cold[2])), "two thirds of 8: {warm:?} {cold:?}");
            assert!(warm[0] - cold[0] < 0.5, "cells are slow: {warm:?} {cold:?}");
            // A fifth of an hour at 1 C.
            pack.look(Duration::from_secs(10 + 720));
            assert!((soc - pack.soc_percent() - 20.0).abs() < 1e-6, "{}", pack.soc_percent());
            assert!((7.9..8.1).contains(&(pack.temperatures_c()[2] - cold[2])));
            pack.set_current(Duration::from_secs(10 + 720), 0.0);
            assert!((17.0..23.0).contains(&(rest - pack.cell_mv(0))), "it rests lower");
            pack.look(Duration::from_secs(100_000));
            assert!((pack.temperatures_c()[2] - cold[2]).abs() < 0.01, "and cools");
            pack.set_current(Duration::from_secs(100_000), 100.0);
            pack.look(Duration::from_secs(200_000));
            assert_eq!(pack.soc_percent(), 0.0, "no emptier than empty");
        }
    }

    #[test]
    fn a_wrong_shunt_is_further_off_than_a_calibration_corrects_and_a_drifting_cell_drifts() {
        for seed in 0..200 {
            let shunt = Pack::new(8, 800, seed, Some(Fault::WrongShunt));
            let off = shunt.current_error_percent(1.0).abs();
            assert!((13.9..18.1).contains(&off), "seed {seed}: {off}");
            let mut pack = Pack::new(8, 800, seed, Some(Fault::DriftingCell));
            pack.set_current(Duration::from_secs(5), 0.0);
            let low = |pack: &mut Pack| (0..8).filter(|cell| pack.cell_mv(*cell) < 2290.0).count();
            assert_eq!(low(&mut pack), 0, "seed {seed}");
            pack.set_current(Duration::from_secs(15), 0.0);
            assert_eq!(low(&mut pack), 1, "seed {seed}");
        }
    }

    #[test]
    fn cells_of_another_chemistry_rest_elsewhere_and_are_otherwise_the_same() {
        for seed in 0..50 {
            let (mut lto, mut lfp) =
                (Pack::new(16, 800, seed, None), Pack::new(16, 800, seed, None).resting_at(3300.0));
            for cell in 0..16 {
                let (lto, lfp) = (lto.cell_mv(cell), lfp.cell_mv(cell));
                assert!(
                    (lfp - lto - 985.0).abs() < 1e-9 && (3280.0..3320.0).contains(&lfp),
                    "seed {seed}: {lfp}"
                );
            }
        }
    }

    #[test]
    fn the_low_cell_is_low_and_alone() {
        for seed in 0..200 {
            let mut pack = Pack::new(8, 800, seed, Some(Fault::CellOutOfLimits));
            let low = (0..8).filter(|cell| pack.cell_mv(*cell) < 2290.0).count();
            assert_eq!(low, 1, "seed {seed}");
        }
    }
}
