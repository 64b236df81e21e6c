//! How a reading is drawn. Pure: a frame is a list of lines for a width.

use super::sample::Sample;
use std::collections::VecDeque;

/// Readings kept for the curves; more than any terminal is wide.
const KEPT: usize = 400;
/// Rows of a curve.
const CURVE_ROWS: usize = 3;
/// Eighths of a character, from below.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What stands left of a curve.
const LABEL: usize = 14;
/// Cells are drawn over at least this range, millivolts, so that noise does not look like a fault.
const CELL_RANGE_MV: f64 = 100.0;

/// What stays the same from frame to frame.
#[derive(Debug)]
pub(super) struct Screen {
    pub title: String,
    pub port: String,
    pub board: String,
    pub is_model: bool,
    pub colour: bool,
}

/// What the curves are drawn of, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Curves {
    volts: VecDeque<f64>,
    amperes: VecDeque<f64>,
}

impl Curves {
    pub(super) fn push(&mut self, sample: &Sample) {
        self.volts.push_back(sample.pack_voltage_v);
        self.amperes.extend(sample.current_a);
        for curve in [&mut self.volts, &mut self.amperes] {
            while curve.len() > KEPT {
                curve.pop_front();
            }
        }
    }
}

/// What a curve is in, and over how much of it at least: noise is not a mountain.
#[derive(Debug, Clone, Copy)]
struct Unit {
    name: &'static str,
    least: f64,
}

#[derive(Debug, Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Screen {
    /// The lines of one frame, at most `columns` wide.
    pub(super) fn frame(
        &self,
        sample: Option<&Sample>,
        curves: &Curves,
        trouble: Option<&str>,
        columns: usize,
    ) -> Vec<String> {
        let columns = columns.clamp(40, 160);
        let mut lines = vec![self.head(sample, columns)];
        let stranger = if self.is_model { "" } else { "  ANOTHER MODEL" };
        lines.push(self.ink(Ink::Dim, &cut(&format!("{}{stranger}", self.board), columns)));
        if let Some(trouble) = trouble {
            lines.push(self.ink(Ink::Yellow, &cut(trouble, columns)));
        }
        let Some(sample) = sample else {
            lines.push("waiting for the first reading".to_owned());
            return lines;
        };
        lines.push(String::new());
        let volts = format!("{:.2} V", sample.pack_voltage_v);
        lines.extend(self.curve("Voltage", &volts, Unit { name: "V", least: 0.1 }, &curves.volts, columns));
        if let Some(current) = sample.current_a {
            lines.push(String::new());
            let now = format!("{current:.2} A");
            let unit = Unit { name: "A", least: 0.5 };
            lines.extend(self.curve("Current", &now, unit, &curves.amperes, columns));
        }
        lines.push(String::new());
        lines.extend(self.cells(sample, columns));
        lines.push(String::new());
        let temperatures = sample
            .words
            .temperatures
            .iter()
            .map(|(title, value)| (format!("{title} "), format!("{value:.1} °C"), Ink::Bold));
        lines.extend(self.list("Temperatures", temperatures.collect(), columns));
        let outputs = sample.words.outputs.iter().map(|(title, on)| lamp(title, *on));
        lines.extend(self.list("Outputs", outputs.collect(), columns));
        let switches = sample.words.switches.iter().map(|(title, on)| lamp(title, *on));
        lines.extend(self.list("Switches", switches.collect(), columns));
        let values =
            sample.words.values.iter().map(|(title, value)| (format!("{title} "), value.clone(), Ink::Bold));
        lines.extend(self.list("Values", values.collect(), columns));
        let alarms: Vec<_> = if sample.words.alarms.is_empty() {
            vec![(String::new(), "none".to_owned(), Ink::Green)]
        } else {
            sample.words.alarms.iter().map(|alarm| (String::new(), alarm.clone(), Ink::Red)).collect()
        };
        lines.extend(self.list("Alarms", alarms, columns));
        lines
    }

    fn head(&self, sample: Option<&Sample>, columns: usize) -> String {
        let when =
            sample.map_or_else(String::new, |s| format!("{} UTC  #{}", s.at.format("%H:%M:%S"), s.number));
        let right = format!("{when}  Ctrl-C ends");
        let left = cut(&format!("{}  {}", self.title, self.port), columns.saturating_sub(width(&right) + 2));
        let space = columns.saturating_sub(width(&left) + width(&right));
        format!("{}{}{}", self.ink(Ink::Bold, &left), " ".repeat(space), self.ink(Ink::Dim, &right))
    }

    /// A value with what it was, between its lowest and its highest.
    fn curve(
        &self,
        title: &str,
        now: &str,
        unit: Unit,
        values: &VecDeque<f64>,
        columns: usize,
    ) -> Vec<String> {
        let room = columns.saturating_sub(LABEL + 12);
        let shown: Vec<f64> = values.iter().copied().skip(values.len().saturating_sub(room)).collect();
        let lowest = shown.iter().copied().reduce(f64::min).unwrap_or_default();
        let highest = shown.iter().copied().reduce(f64::max).unwrap_or_default();
        let (lowest, highest) = if highest - lowest < unit.least {
            let middle = f64::midpoint(lowest, highest);
            (middle - unit.least / 2.0, middle + unit.least / 2.0)
        } else {
            (lowest, highest)
        };
        let unit = unit.name;
        let labels = [title.to_owned(), now.to_owned(), String::new()];
        let scale = [format!("{highest:.2} {unit}"), String::new(), format!("{lowest:.2} {unit}")];
        plot(&shown, lowest, highest)
            .into_iter()
            .zip(labels)
            .zip(scale)
            .enumerate()
            .map(|(row, ((drawn, label), scale))| {
                let label = format!("{label:<LABEL$}");
                let label = if row == 1 { self.ink(Ink::Bold, &label) } else { label };
                if scale.is_empty() {
                    return format!("{label}{}", self.ink(Ink::Cyan, drawn.trim_end()));
                }
                let space = " ".repeat(room - width(&drawn).min(room));
                let scale = format!("{scale:>12}");
                format!("{label}{}{space}{}", self.ink(Ink::Cyan, &drawn), self.ink(Ink::Dim, &scale))
            })
            .collect()
    }

    /// Bars in as many columns as fit, the numbers running down.
    fn cells(&self, sample: &Sample, columns: usize) -> Vec<String> {
        let cells = &sample.cells_mv;
        let place = |wanted: f64| cells.iter().position(|cell| *cell == wanted).map_or(0, |at| at + 1);
        let (low, high) = (place(sample.cell_min_mv), place(sample.cell_max_mv));
        let volts = |mv: f64, cell: usize| format!("{:.3} V (cell {cell})", mv / 1000.0);
        let ends = vec![
            ("lowest ".to_owned(), volts(sample.cell_min_mv, low), Ink::Bold),
            ("highest ".to_owned(), volts(sample.cell_max_mv, high), Ink::Bold),
            ("difference ".to_owned(), format!("{:.0} mV", sample.cell_difference_mv), Ink::Bold),
        ];
        let mut lines = self.list("Cells", ends, columns);
        let side_by_side = (columns / 38).clamp(1, cells.len().max(1));
        let each = columns / side_by_side;
        // "12 3.650 V " before the bar, two blanks after it.
        let bar = each.saturating_sub(13).min(24);
        let rows = cells.len().div_ceil(side_by_side);
        let middle = f64::midpoint(sample.cell_min_mv, sample.cell_max_mv);
        let range = (sample.cell_difference_mv * 1.25).max(CELL_RANGE_MV);
        for row in 0..rows {
            let mut line = String::new();
            for column in 0..side_by_side {
                let index = column * rows + row;
                let Some(cell) = cells.get(index) else { continue };
                let filled = ((cell - (middle - range / 2.0)) / range).clamp(0.0, 1.0);
                let ink = match index + 1 {
                    number if low == high || (number != low && number != high) => Ink::Green,
                    number if number == low => Ink::Yellow,
                    _ => Ink::Cyan,
                };
                let drawn = bar_of(filled, bar);
                line += &format!("{:>2} {:.3} V {}  ", index + 1, cell / 1000.0, self.ink(ink, &drawn));
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// Parts behind a title, over as many lines as they take.
    fn list(&self, title: &str, parts: Vec<(String, String, Ink)>, columns: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let (mut line, mut used) = (format!("{title:<LABEL$}"), LABEL);
        for (quiet, loud, ink) in parts {
            let quiet = cut(&quiet, columns.saturating_sub(LABEL + width(&loud)));
            let needed = width(&quiet) + width(&loud);
            if used > LABEL && used + needed + 2 > columns {
                lines.push(std::mem::replace(&mut line, " ".repeat(LABEL)));
                used = LABEL;
            }
            if used > LABEL {
                line += "  ";
                used += 2;
            }
            line += &format!("{quiet}{}", self.ink(ink, &loud));
            used += needed;
        }
        if used > LABEL {
            lines.push(line);
        }
        lines
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Red => "1;31",
            Ink::Green => "32",
            Ink::Yellow => "33",
            Ink::Cyan => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn lamp(title: &str, on: bool) -> (String, String, Ink) {
    // A model says what its bit means when it is set; the lamp says whether it is.
    let title = title.trim_end_matches(" on");
    if on {
        (String::new(), format!("● {title}"), Ink::Green)
    } else {
        (String::new(), format!("○ {title}"), Ink::Dim)
    }
}

/// Rows from above, a column a value.
fn plot(values: &[f64], lowest: f64, highest: f64) -> Vec<String> {
    let steps = CURVE_ROWS * 8;
    let height = |value: f64| {
        if highest > lowest {
            // The lowest value shows as a line, not as nothing.
            1 + ((value - lowest) / (highest - lowest) * (steps - 1) as f64).round() as usize
        } else {
            steps / 2
        }
    };
    (0..CURVE_ROWS)
        .rev()
        .map(|row| {
            values.iter().map(|value| EIGHTHS[height(*value).saturating_sub(row * 8).min(8)]).collect()
        })
        .collect()
}

fn bar_of(filled: f64, width: usize) -> String {
    let eighths = (filled * (width * 8) as f64).round() as usize;
    // From the left, half a character is the finest that every font has.
    let (whole, half) = (eighths / 8, eighths % 8 >= 4);
    let mut bar = "█".repeat(whole);
    if half {
        bar.push('▌');
    }
    let left = width.saturating_sub(bar.chars().count());
    bar + &"·".repeat(left)
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
