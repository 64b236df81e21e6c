//! The detour: the way over interim values, for changes that no order brings home.
//!
//! A search over what the fields hold, fewest interim values first, then fewest transactions; what remains is estimated by
//! the writes that the map alone would need, so the first way found is the best one.

use super::rules::{FIRST, Plan, Problem, Step, WANTED};
use core::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What each change holds, and which rules that were broken first have held since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    values: Vec<usize>,
    mended: Vec<bool>,
}

/// How a state was reached.
struct Reached {
    interims: usize,
    transactions: usize,
    from: Option<(Held, Step)>,
}

impl Problem {
    /// The best way over interim values.
    ///
    /// # Errors
    /// Whether the search gave up after `most_tried` transactions; else there is no way.
    pub(super) fn detour(&self, active: &[usize], most_tried: usize) -> Result<Plan, bool> {
        if active.iter().all(|&change| self.changes[change].values.len() <= WANTED + 1) {
            return Err(false);
        }
        let start = Held { values: vec![FIRST; active.len()], mended: vec![false; self.ties.len()] };
        let mut open = BinaryHeap::from([Reverse((0, self.least(active, &start), 0, start.clone()))]);
        let mut reached = BTreeMap::from([(start, Reached { interims: 0, transactions: 0, from: None })]);
        let mut tried = 0;
        while let Some(Reverse((interims, estimate, transactions, held))) = open.pop() {
            if held.values.iter().all(|value| *value == WANTED) {
                return Ok(Plan { steps: way(&reached, held), fewest: true });
            }
            if reached
                .get(&held)
                .is_some_and(|best| (best.interims, best.transactions) < (interims, transactions))
            {
                continue;
            }
            debug_assert!(estimate >= transactions);
            for step in self.steps(active, &held) {
                tried += 1;
                if tried > most_tried {
                    return Err(true);
                }
                let Some(next) = self.after(active, &held, &step) else { continue };
                let interims = interims + step.iter().filter(|(_, value)| *value > WANTED).count();
                let transactions = transactions + self.changes[active[step[0].0]].transactions;
                let known = reached.get(&next).map(|best| (best.interims, best.transactions));
                if known.is_none_or(|best| (interims, transactions) < best) {
                    let estimate = transactions + self.least(active, &next);
                    let step = step.iter().map(|&(position, value)| (active[position], value)).collect();
                    let from = Some((held.clone(), step));
                    reached.insert(next.clone(), Reached { interims, transactions, from });
                    open.push(Reverse((interims, estimate, transactions, next)));
                }
            }
        }
        Err(false)
    }

    /// Transactions that the map alone needs from here.
    fn least(&self, active: &[usize], held: &Held) -> usize {
        let mut least = 0;
        let mut run = 0;
        let mut last: Option<usize> = None;
        for (position, &change) in active.iter().enumerate() {
            if held.values[position] == WANTED {
                last = None;
                continue;
            }
            let registers = self.changes[change].registers;
            if last.is_some_and(|last| self.joins(last, change)) && run + registers <= self.max_registers {
                run += registers;
            } else {
                least += self.changes[change].transactions;
                run = registers;
            }
            last = Some(change);
        }
        least
    }

    /// Every transaction that is possible: neighbours that are not right yet, each to another value than it holds.
    /// By position in `active`.
    fn steps(&self, active: &[usize], held: &Held) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for position in 0..active.len() {
            let mut ends: Vec<(Step, u16)> = vec![(Vec::new(), 0)];
            for next in position..active.len() {
                let change = &self.changes[active[next]];
                if held.values[next] == WANTED
                    || (next > position && !self.joins(active[next - 1], active[next]))
                {
                    break;
                }
                let mut longer = Vec::new();
                for (step, registers) in &ends {
                    if !step.is_empty() && registers + change.registers > self.max_registers {
                        continue;
                    }
                    for value in (WANTED..change.values.len()).filter(|value| *value != held.values[next]) {
                        let mut step = step.clone();
                        step.push((next, value));
                        longer.push((step, registers + change.registers));
                    }
                }
                steps.extend(longer.iter().map(|(step, _)| step.clone()));
                ends = longer;
            }
        }
        steps
    }

    /// What is held after that transaction; none where a rule forbids it.
    fn after(&self, active: &[usize], held: &Held, step: &[(usize, usize)]) -> Option<Held> {
        let mut next = held.clone();
        for &(position, value) in step {
            next.values[position] = value;
        }
        let position = |change: usize| active.iter().position(|c| *c == change);
        for (index, tie) in self.ties.iter().enumerate() {
            let Some(left) = position(tie.left) else { continue };
            // A rule's other side is among the active ones: rules connect them.
            let right = tie.right.and_then(position);
            let touched = |side: Option<usize>| step.iter().any(|(position, _)| Some(*position) == side);
            if !touched(Some(left)) && !touched(right) {
                continue;
            }
            let (l, r) = (next.values[left], right.map_or(0, |right| next.values[right]));
            if !tie.allows(l, r, held.mended[index]) {
                return None;
            }
            next.mended[index] |= tie.broken_first && tie.judged[l][r] == Some(true);
        }
        Some(next)
    }
}

/// The steps that led to `held`.
fn way(reached: &BTreeMap<Held, Reached>, mut held: Held) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some((from, step)) = reached.get(&held).and_then(|reached| reached.from.as_ref()) {
        steps.push(step.clone());
        held = from.clone();
    }
    steps.reverse();
    steps
}
