//! Writes under rules: after every single transaction no rule is broken that was not broken before the first one.
//!
//! What lives here: what a rule is to the planner, what the fields may hold in between, and the refusals. The order without
//! a detour is [`super::order`]'s, the detour [`super::detour`]'s. What never does: what a register means; a rule is asked
//! with the words of its two fields.

use super::{Access, Field, PlanFault, WriteLimits, check_fields, single_writes, write};
use crate::modbus::Request;
use core::fmt;

/// What must hold between two fields, or of one alone.
pub struct Rule<'a> {
    /// Index of a field.
    pub left: usize,
    /// Index of the other one; none: the rule asks for `left` only, and `holds` is given no words for the right.
    pub right: Option<usize>,
    /// Whether it holds with these words of `left` and `right`.
    pub holds: Holds<'a>,
}

/// The question of a rule.
pub type Holds<'a> = Box<dyn Fn(&[u16], &[u16]) -> bool + 'a>;

impl fmt::Debug for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("left", &self.left).field("right", &self.right).finish_non_exhaustive()
    }
}

/// A value that a field may hold for a moment on the way to the one wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interim {
    /// Index of the field.
    pub field: usize,
    /// As many as the field has registers; another number is no value of it and is left out.
    pub words: Vec<u16>,
}

/// Writes in the order in which they must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedWrites {
    pub writes: Vec<Request>,
    /// Interim values among them.
    pub detours: usize,
    /// Whether it is known that fewer do not do; no where the search reached its bound and took a plan that is only safe.
    pub fewest: bool,
}

/// Why there is no order. Nothing may be written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    #[error(transparent)]
    Plan(#[from] PlanFault),
    #[error("rule {rule} names a field that is not there")]
    NoSuchField { rule: usize },
    /// Indices of the rules that the wanted values break, each resting on a field that would be written.
    #[error("the wanted values break {} rules", .rules.len())]
    WantedBreaks { rules: Vec<usize> },
    /// Half of a value that goes register by register is a value of its own, and no rule can be asked of it.
    #[error("the field at register {address} goes register by register and stands under a rule")]
    Torn { address: u16 },
    /// Indices of the fields of which none can go first, and of the rules between them. `gave_up`: the search for a
    /// detour reached its bound; else there is none with these interim values.
    #[error("no order of the writes keeps the rules, and no detour was found")]
    NoSafeOrder { fields: Vec<usize>, rules: Vec<usize>, gave_up: bool },
}

/// Components up to so many changes are searched whole for a detour; of greater ones the stuck part alone.
const MOST_SEARCHED_WHOLE: usize = 8;
/// Transactions tried in one search for a detour.
const MOST_TRIED: usize = 50_000;

/// The writes that give every field its wanted value, in an order in which after every transaction each rule holds that
/// held, and each that held since. Only fields that differ are written, and a field that is right is never touched again.
///
/// * A rule broken on the board before the first write may stay broken until a write makes it hold; then it must hold.
///   The wanted values must obey every rule over a written field: else it is a refusal, whatever the board held.
/// * A field whose current value is unknown makes the rules over it unanswerable. Since a write next to it could break a
///   rule that holds, no other side of such a rule is written before it (only with it), and its first write must make the
///   rule hold. So the unknown becomes known first, or it is refused.
/// * Interim values are taken only where no order does without: first as few of them as possible, then as few
///   transactions. A rule over an interim value must hold, even one that was broken before: that value is ours.
/// * Without a detour the number of transactions is the fewest that the rules allow. Fields that no rule and no common
///   transaction connects are planned apart, so this costs little; the search over the cuts of one such component ends
///   after 4096 partitions (`fewest` is then no). A detour is searched in components of up to 8 changes, in greater ones
///   among the fields that stand in each other's way and all that rules connect with them (`fewest` is then no), and
///   50 000 transactions are tried for it.
///
/// # Errors
/// [`OrderFault`]; nothing may be written then.
pub fn order_writes(
    fields: &[Field],
    limits: WriteLimits,
    rules: &[Rule<'_>],
    interim: &[Interim],
) -> Result<OrderedWrites, OrderFault> {
    order_within(fields, limits, rules, interim, MOST_TRIED)
}

pub(super) fn order_within(
    fields: &[Field],
    limits: WriteLimits,
    rules: &[Rule<'_>],
    interim: &[Interim],
    most_tried: usize,
) -> Result<OrderedWrites, OrderFault> {
    let mut changes = changes(fields, limits, interim)?;
    let ties = ties(fields, &changes, rules)?;
    let broken: Vec<usize> =
        ties.iter().filter(|tie| tie.judged[WANTED][tie.end()] != Some(true)).map(|tie| tie.rule).collect();
    if !broken.is_empty() {
        return Err(OrderFault::WantedBreaks { rules: broken });
    }
    let ruled = |change: &usize| ties.iter().any(|tie| tie.sides().any(|side| side == *change));
    if let Some(torn) = (0..changes.len()).filter(ruled).find(|change| changes[*change].transactions > 1) {
        return Err(OrderFault::Torn { address: changes[torn].address });
    }
    let unruled = changes.iter_mut().enumerate().filter(|(change, _)| !ruled(change));
    unruled.for_each(|(_, change)| change.values.truncate(WANTED + 1));
    let problem = Problem { changes, ties, max_registers: limits.max_registers };
    let mut plan = Plan { steps: Vec::new(), fewest: true };
    for component in problem.components() {
        plan.append(problem.solve(&component, most_tried)?);
    }
    Ok(problem.ordered(&plan, fields, limits))
}

/// Index of the value on the board before the first write; the words are empty where it is not known.
pub(super) const FIRST: usize = 0;
/// Index of the wanted value; the interim ones follow.
pub(super) const WANTED: usize = 1;

/// A field that will be written.
pub(super) struct Change {
    pub field: usize,
    pub address: u16,
    pub registers: u16,
    pub single_only: bool,
    /// [`FIRST`], [`WANTED`], interim.
    pub values: Vec<Vec<u16>>,
    /// How many transactions its write takes: more than one only register by register.
    pub transactions: usize,
}

/// A rule over one or two changes; every other side of it stands still.
pub(super) struct Tie {
    pub rule: usize,
    pub left: usize,
    pub right: Option<usize>,
    /// By value of `left` and of `right` (0 without one): whether it holds; none where a side is not known.
    pub judged: Vec<Vec<Option<bool>>>,
    pub broken_first: bool,
}

impl Tie {
    fn end(&self) -> usize {
        if self.right.is_some() { WANTED } else { 0 }
    }

    pub(super) fn sides(&self) -> impl Iterator<Item = usize> {
        core::iter::once(self.left).chain(self.right)
    }

    /// Whether this write may leave the rule so. `held`: whether it held at any time so far.
    pub(super) fn allows(&self, left: usize, right: usize, held: bool) -> bool {
        match self.judged[left][right] {
            Some(holds) => holds || (self.broken_first && !held && left <= WANTED && right <= WANTED),
            None => false,
        }
    }
}

/// One transaction: neighbouring changes and the value that each gets.
pub(super) type Step = Vec<(usize, usize)>;

pub(super) struct Plan {
    pub steps: Vec<Step>,
    pub fewest: bool,
}

impl Plan {
    fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.fewest &= other.fewest;
    }
}

pub(super) struct Problem {
    /// In order of address.
    pub changes: Vec<Change>,
    pub ties: Vec<Tie>,
    pub max_registers: u16,
}

impl Problem {
    /// Whether a change may share a transaction with the one before it, as far as the two go.
    pub(super) fn joins(&self, before: usize, change: usize) -> bool {
        let (before, change) = (&self.changes[before], &self.changes[change]);
        !before.single_only
            && !change.single_only
            && u32::from(before.address) + u32::from(before.registers) == u32::from(change.address)
    }

    /// Changes that a rule or a common transaction connects, each set in order of address.
    fn components(&self) -> Vec<Vec<usize>> {
        let neighbours = (1..self.changes.len()).filter(|&c| self.joins(c - 1, c)).map(|c| (c - 1, c));
        let pairs: Vec<(usize, usize)> = neighbours.chain(self.pairs()).collect();
        let mut components: Vec<Vec<usize>> = Vec::new();
        for change in 0..self.changes.len() {
            if !components.iter().any(|known| known.contains(&change)) {
                components.push(connected(&[change], &pairs));
            }
        }
        components
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        self.ties.iter().filter_map(|tie| Some((tie.left, tie.right?)))
    }

    fn solve(&self, active: &[usize], most_tried: usize) -> Result<Plan, OrderFault> {
        let stuck = match self.order(active) {
            Ok(plan) => return Ok(plan),
            Err(stuck) => stuck,
        };
        let together = if active.len() <= MOST_SEARCHED_WHOLE {
            active.to_vec()
        } else {
            connected(&stuck, &self.pairs().collect::<Vec<_>>())
        };
        let rest: Vec<usize> = active.iter().copied().filter(|change| !together.contains(change)).collect();
        match self.detour(&together, most_tried) {
            Ok(mut plan) => {
                // Nothing connects the two but transactions that are not shared now.
                plan.fewest &= rest.is_empty();
                plan.append(self.solve(&rest, most_tried)?);
                Ok(plan)
            }
            Err(gave_up) => {
                let between = |tie: &&Tie| tie.right.is_some() && tie.sides().all(|s| stuck.contains(&s));
                Err(OrderFault::NoSafeOrder {
                    rules: self.ties.iter().filter(between).map(|tie| tie.rule).collect(),
                    fields: stuck.iter().map(|&change| self.changes[change].field).collect(),
                    gave_up,
                })
            }
        }
    }

    fn ordered(&self, plan: &Plan, fields: &[Field], limits: WriteLimits) -> OrderedWrites {
        let mut writes = Vec::new();
        for step in &plan.steps {
            match step[..] {
                [(change, value)] if self.changes[change].single_only => {
                    let Change { address, field, .. } = self.changes[change];
                    match self.changes[change].values[value][..] {
                        [value] => writes.push(Request::WriteSingle { address, value }),
                        // No interim value stands between: it would be torn.
                        _ => writes.extend(single_writes(&fields[field])),
                    }
                }
                _ => {
                    let address = self.changes[step[0].0].address;
                    let words = step.iter().flat_map(|&(change, value)| &self.changes[change].values[value]);
                    writes.push(write((address, words.copied().collect()), limits));
                }
            }
        }
        let detours = plan.steps.iter().flatten().filter(|(_, value)| *value > WANTED).count();
        OrderedWrites { writes, detours, fewest: plan.fewest }
    }
}

/// Everything that `pairs` connect with `from`, in order.
fn connected(from: &[usize], pairs: &[(usize, usize)]) -> Vec<usize> {
    let mut found = from.to_vec();
    let mut next = 0;
    while let Some(&here) = found.get(next) {
        for &(a, b) in pairs {
            for (end, other) in [(a, b), (b, a)] {
                if end == here && !found.contains(&other) {
                    found.push(other);
                }
            }
        }
        next += 1;
    }
    found.sort_unstable();
    found
}

/// The fields that differ, in order of address.
fn changes(fields: &[Field], limits: WriteLimits, interim: &[Interim]) -> Result<Vec<Change>, PlanFault> {
    limits.check()?;
    let mut sorted: Vec<(usize, &Field)> = fields.iter().enumerate().collect();
    sorted.sort_by_key(|(_, field)| field.address);
    check_fields(sorted.iter().map(|(_, field)| *field))?;
    let mut changes = Vec::new();
    for (index, field) in sorted.into_iter().filter(|(_, field)| !field.is_right()) {
        let (address, quantity, limit) = (field.address, field.wanted.len(), limits.max_registers);
        match field.access {
            Access::ReadOnly => return Err(PlanFault::ReadOnly { address }),
            Access::Locked => return Err(PlanFault::Locked { address }),
            Access::Writable if quantity > usize::from(limit) => {
                return Err(PlanFault::TooLong { address, quantity, limit });
            }
            Access::SingleOnly | Access::Writable => {}
        }
        let single_only = field.access == Access::SingleOnly;
        let mut values = vec![field.current.clone().unwrap_or_default(), field.wanted.clone()];
        // A value of several registers that go one by one would be torn on its way to an interim one.
        let possible = |value: &&Interim| value.words.len() == quantity && (quantity == 1 || !single_only);
        for value in interim.iter().filter(|value| value.field == index).filter(possible) {
            if !values.contains(&value.words) {
                values.push(value.words.clone());
            }
        }
        let transactions = if single_only { single_writes(field).count() } else { 1 };
        let registers = quantity as u16;
        changes.push(Change { field: index, address, registers, single_only, values, transactions });
    }
    Ok(changes)
}

fn ties(fields: &[Field], changes: &[Change], rules: &[Rule<'_>]) -> Result<Vec<Tie>, OrderFault> {
    let mut ties = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let field = |side: usize| fields.get(side).ok_or(OrderFault::NoSuchField { rule: index });
        let left = field(rule.left)?;
        let right = rule.right.map(field).transpose()?;
        let change = |side: usize| changes.iter().position(|change| change.field == side);
        let (left_change, right_change) = (change(rule.left), rule.right.and_then(change));
        // A side that stands still is right: it holds what is wanted.
        let still_left = [left.wanted.clone()];
        let still_right = [right.map(|right| right.wanted.clone()).unwrap_or_default()];
        let lefts = left_change.map_or(&still_left[..], |change| &changes[change].values);
        let rights = right_change.map_or(&still_right[..], |change| &changes[change].values);
        let judge = |l: &Vec<u16>, r: &Vec<u16>| {
            let known = !l.is_empty() && (rule.right.is_none() || !r.is_empty());
            known.then(|| (rule.holds)(l, r))
        };
        let by_left: Vec<Vec<Option<bool>>> =
            lefts.iter().map(|l| rights.iter().map(|r| judge(l, r)).collect()).collect();
        let (left, right, judged) = match (left_change, right_change) {
            (None, None) => continue,
            // Both sides are one field: it is judged against itself.
            (Some(left), Some(right)) if left == right => {
                (left, None, by_left.iter().enumerate().map(|(value, row)| vec![row[value]]).collect())
            }
            (Some(left), right) => (left, right, by_left),
            (None, Some(right)) => (right, None, by_left[0].iter().map(|judged| vec![*judged]).collect()),
        };
        let broken_first = judged[FIRST][0] == Some(false);
        ties.push(Tie { rule: index, left, right, judged, broken_first });
    }
    Ok(ties)
}
