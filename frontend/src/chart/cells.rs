//! The cell map: which measurements are cells' voltages, and how each lies between its neighbours.

use domain::{procedure::MeasureWhen, record::MeasurementRecord};

/// The cells of one measurement: `cell_1` to `cell_12` are one map, `cell_under_load_1` and on another.
#[derive(Debug, Clone, PartialEq)]
pub struct CellMap {
    /// `cell` of `cell_7`.
    pub prefix: String,
    pub unit: String,
    pub when: MeasureWhen,
    pub cells: Vec<Cell>,
    pub lowest: f64,
    pub highest: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub number: u16,
    pub value: f64,
    pub passed: bool,
    /// Passed beyond its marginal limits.
    pub marginal: bool,
    /// 0 for the lowest cell, 1 for the highest.
    pub height: f64,
}

/// `cell` and 7 of `cell_7`; none where a name has no number at its end or is no cell's.
pub fn cell_name(name: &str) -> Option<(&str, u16)> {
    let (prefix, digits) = name.rsplit_once('_')?;
    (prefix == "cell" || prefix.starts_with("cell_")).then_some(())?;
    Some((prefix, digits.parse().ok()?))
}

/// Parts the cells from the other measurements; the order is the record's.
pub fn part_cells(measurements: &[MeasurementRecord]) -> (Vec<CellMap>, Vec<&MeasurementRecord>) {
    let mut maps: Vec<CellMap> = Vec::new();
    let mut others = Vec::new();
    for measurement in measurements {
        let voltage = matches!(measurement.unit.as_str(), "mV" | "V");
        let Some((prefix, number)) = cell_name(&measurement.name).filter(|_| voltage) else {
            others.push(measurement);
            continue;
        };
        let (value, passed, marginal) = (measurement.value, measurement.passed, measurement.is_marginal());
        let cell = Cell { number, value, passed, marginal, height: 0.0 };
        match maps.iter_mut().find(|map| map.prefix == prefix) {
            Some(map) => map.cells.push(cell),
            None => maps.push(CellMap {
                prefix: prefix.to_owned(),
                unit: measurement.unit.clone(),
                when: measurement.when,
                cells: vec![cell],
                lowest: 0.0,
                highest: 0.0,
            }),
        }
    }
    maps.iter_mut().for_each(shade);
    (maps, others)
}

fn shade(map: &mut CellMap) {
    map.cells.sort_by_key(|cell| cell.number);
    let finite = || map.cells.iter().map(|cell| cell.value).filter(|value| value.is_finite());
    map.lowest = finite().fold(f64::INFINITY, f64::min);
    map.highest = finite().fold(f64::NEG_INFINITY, f64::max);
    let span = map.highest - map.lowest;
    for cell in &mut map.cells {
        cell.height =
            if span > 0.0 && cell.value.is_finite() { (cell.value - map.lowest) / span } else { 0.5 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{limit::Limit, procedure::MeasurementSource};

    fn measured(name: &str, value: f64) -> MeasurementRecord {
        MeasurementRecord {
            name: name.to_owned(),
            value,
            unit: "mV".to_owned(),
            limit: Limit::default(),
            marginal: None,
            passed: true,
            when: MeasureWhen::AfterRestart,
            source: MeasurementSource::Board,
            stimulus: None,
            instrument: None,
        }
    }

    #[test]
    fn cells_are_parted_from_the_rest_and_ordered_by_number() {
        let list = [
            measured("cell_10", 2324.0),
            measured("cell_2", 2311.0),
            measured("pack_voltage", 27.8),
            measured("cell_difference", 9.0),
            measured("temperature_1", 24.0),
            MeasurementRecord { unit: "°C".to_owned(), ..measured("cell_temperature_1", 25.6) },
        ];
        let (maps, others) = part_cells(&list);
        assert_eq!(maps.len(), 1);
        assert_eq!(maps[0].cells.iter().map(|cell| cell.number).collect::<Vec<_>>(), [2, 10]);
        assert_eq!((maps[0].lowest, maps[0].highest), (2311.0, 2324.0));
        assert_eq!((maps[0].cells[0].height, maps[0].cells[1].height), (0.0, 1.0));
        assert_eq!(others.len(), 4);
    }

    #[test]
    fn equal_cells_are_neither_low_nor_high() {
        let (maps, _) = part_cells(&[measured("cell_1", 2300.0), measured("cell_2", 2300.0)]);
        assert!(maps[0].cells.iter().all(|cell| cell.height == 0.5));
    }
}
