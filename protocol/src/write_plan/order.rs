//! The order without a detour, and the cuts that need the fewest transactions.
//!
//! Every change is written once, so a rule between two of them asks one thing only: may this one go before the other? Where
//! it may not, the other goes before it or with it. Transactions of neighbours must then stand in a row without a circle.
//! Changes in a circle must go in one transaction, with all that lies between them; where that is not possible no order is
//! (this is exact). Else the search begins with the fewest transactions that the map alone allows, and wherever they stand
//! in a circle it tries each cut that would break it, cheapest first: the first partition without a circle has the fewest.

use super::rules::{FIRST, Plan, Problem, WANTED};
use core::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

/// Partitions looked at before a merely safe one is taken.
const MOST_PARTITIONS: usize = 4096;

/// Positions from the first to the last, both included.
type Interval = (usize, usize);

/// The changes of one component by position.
struct Row<'p> {
    problem: &'p Problem,
    changes: &'p [usize],
    /// Position that must go before, or with, the other.
    before: Vec<(usize, usize)>,
}

impl Problem {
    /// # Errors
    /// The changes of which none can go first.
    pub(super) fn order(&self, active: &[usize]) -> Result<Plan, Vec<usize>> {
        let row = Row::new(self, active);
        let blocks = row
            .blocks()
            .map_err(|stuck| stuck.into_iter().map(|position| active[position]).collect::<Vec<_>>())?;
        let (parts, fewest) = match row.fewest_parts(&blocks) {
            Some(parts) => (parts, true),
            None => (row.merged(blocks), false),
        };
        let steps = row
            .in_order(&parts)
            .into_iter()
            .map(|part| (parts[part].0..=parts[part].1).map(|position| (active[position], WANTED)).collect())
            .collect();
        Ok(Plan { steps, fewest })
    }
}

impl<'p> Row<'p> {
    fn new(problem: &'p Problem, changes: &'p [usize]) -> Self {
        let position = |change: usize| changes.iter().position(|c| *c == change);
        let mut before = Vec::new();
        for tie in &problem.ties {
            let Some(right) = tie.right else { continue };
            let (Some(l), Some(r)) = (position(tie.left), position(right)) else { continue };
            if !tie.allows(WANTED, FIRST, false) {
                before.push((r, l));
            }
            if !tie.allows(FIRST, WANTED, false) {
                before.push((l, r));
            }
        }
        Self { problem, changes, before }
    }

    fn joins(&self, position: usize) -> bool {
        position > 0 && self.problem.joins(self.changes[position - 1], self.changes[position])
    }

    /// Whether one transaction takes them all.
    fn fits(&self, (first, last): Interval) -> bool {
        let registers = (first..=last).map(|p| u32::from(self.problem.changes[self.changes[p]].registers));
        first == last
            || ((first + 1..=last).all(|p| self.joins(p))
                && registers.sum::<u32>() <= u32::from(self.problem.max_registers))
    }

    /// What must go together, in a row without a circle.
    fn blocks(&self) -> Result<Vec<Interval>, Vec<usize>> {
        let mut blocks: Vec<Interval> =
            (0..self.changes.len()).map(|position| (position, position)).collect();
        while let Some(circle) = self.circle(&blocks) {
            let members: Vec<Interval> = circle.iter().map(|&block| blocks[block]).collect();
            let span = (members[0].0, members[members.len() - 1].1);
            if !self.fits(span) {
                return Err(members.into_iter().flat_map(|(first, last)| first..=last).collect());
            }
            let whole = blocks.iter().copied().filter(|block| block.1 < span.0 || block.0 > span.1);
            blocks = whole.chain([span]).collect();
            blocks.sort_unstable();
        }
        Ok(blocks)
    }

    /// Parts that all must go before each other, in order; none where there is no circle.
    fn circle(&self, parts: &[Interval]) -> Option<Vec<usize>> {
        let after: Vec<BTreeSet<usize>> = (0..parts.len()).map(|part| self.reached(parts, part)).collect();
        let first = (0..parts.len()).find(|part| after[*part].contains(part))?;
        Some((0..parts.len()).filter(|p| after[first].contains(p) && after[*p].contains(&first)).collect())
    }

    fn reached(&self, parts: &[Interval], from: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(here) = open.pop() {
            for (_, _, next) in self.next(parts, here) {
                if found.insert(next) {
                    open.push(next);
                }
            }
        }
        found
    }

    /// `(position in this part, position in the other, the other part)` for all that must come after this part.
    fn next(&self, parts: &[Interval], part: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        self.before.iter().filter_map(move |&(first, then)| {
            let other = part_of(parts, then);
            (part_of(parts, first) == part && other != part).then_some((first, then, other))
        })
    }

    /// The fewest parts without a circle; none where the search reached its bound.
    fn fewest_parts(&self, blocks: &[Interval]) -> Option<Vec<Interval>> {
        let together = blocks.iter().copied().filter(|(first, last)| first < last).collect();
        let mut open = BinaryHeap::new();
        open.extend(self.candidate(Vec::new(), together, 0));
        for serial in 1..=MOST_PARTITIONS {
            let Reverse(Candidate { apart, together, parts, .. }) = open.pop()?;
            let Some(steps) = self.shortest_circle(&parts) else { return Some(parts) };
            for (index, &(_, enters)) in steps.iter().enumerate() {
                let leaves = steps[(index + 1) % steps.len()].0;
                if enters != leaves {
                    let mut apart = apart.clone();
                    apart.push((enters.min(leaves), enters.max(leaves)));
                    open.extend(self.candidate(apart, together.clone(), serial));
                }
            }
            // Or all of them are in one transaction, and the circle is none.
            let places = || steps.iter().flat_map(|&(from, to)| [from, to]);
            if let (Some(first), Some(last)) = (places().min(), places().max())
                && self.fits((first, last))
            {
                let mut together = together.clone();
                together.push((first, last));
                open.extend(self.candidate(apart.clone(), together, serial));
            }
        }
        None
    }

    fn candidate(
        &self,
        apart: Vec<Interval>,
        together: Vec<Interval>,
        serial: usize,
    ) -> Option<Reverse<Candidate>> {
        let parts = self.cut(&apart, &together)?;
        let depth = Reverse(apart.len() + together.len());
        Some(Reverse(Candidate { cost: parts.len(), depth, serial, apart, together, parts }))
    }

    /// The fewest parts in which no pair of `apart` shares a part and each of `together` lies in one; each part as long
    /// as that allows, from the first on.
    fn cut(&self, apart: &[Interval], together: &[Interval]) -> Option<Vec<Interval>> {
        let count = self.changes.len();
        let may_begin = |at: usize| !together.iter().any(|&(first, last)| first < at && at <= last);
        // By where the next part begins: parts needed from there, and the last position of the first of them.
        let mut best: Vec<Option<(usize, usize)>> = vec![None; count];
        for first in (0..count).rev().filter(|first| may_begin(*first)) {
            for last in (first..count).take_while(|last| self.fits((first, *last))) {
                if apart.iter().any(|&(a, b)| first <= a && b <= last) {
                    break;
                }
                let after = if last + 1 == count { Some(0) } else { best[last + 1].map(|(parts, _)| parts) };
                if let Some(parts) = after.filter(|_| last + 1 == count || may_begin(last + 1))
                    && best[first].is_none_or(|(fewest, _)| parts < fewest)
                {
                    best[first] = Some((parts + 1, last));
                }
            }
        }
        let mut parts = Vec::new();
        let mut first = 0;
        while first < count {
            let (_, last) = best[first]?;
            parts.push((first, last));
            first = last + 1;
        }
        Some(parts)
    }

    /// `(position that must go first, position that must follow)` from part to part until the first part comes again.
    fn shortest_circle(&self, parts: &[Interval]) -> Option<Vec<(usize, usize)>> {
        let circles = (0..parts.len()).filter_map(|start| {
            let mut came: Vec<Option<(usize, usize)>> = vec![None; parts.len()];
            let mut open = VecDeque::from([start]);
            while let Some(here) = open.pop_front() {
                for (from, to, part) in self.next(parts, here) {
                    if came[part].is_none() {
                        came[part] = Some((from, to));
                        open.push_back(part);
                    }
                }
            }
            let mut steps = Vec::new();
            let mut part = start;
            loop {
                let step = came[part]?;
                steps.push(step);
                part = part_of(parts, step.0);
                if part == start {
                    break;
                }
            }
            steps.reverse();
            Some(steps)
        });
        circles.min_by_key(Vec::len)
    }

    /// Blocks merged with their neighbours as long as no circle comes of it: safe, and short, if not the shortest.
    fn merged(&self, mut parts: Vec<Interval>) -> Vec<Interval> {
        let mut part = 0;
        while part + 1 < parts.len() {
            let span = (parts[part].0, parts[part + 1].1);
            let mut tried = parts.clone();
            tried.splice(part..=part + 1, [span]);
            if self.fits(span) && self.circle(&tried).is_none() {
                parts = tried;
            } else {
                part += 1;
            }
        }
        parts
    }

    /// Parts without a circle, each after all that must go before it, else by address.
    fn in_order(&self, parts: &[Interval]) -> Vec<usize> {
        let mut left: BTreeSet<usize> = (0..parts.len()).collect();
        let mut order = Vec::new();
        while let Some(next) = left
            .iter()
            .copied()
            .find(|part| !left.iter().any(|other| self.next(parts, *other).any(|(_, _, then)| then == *part)))
        {
            left.remove(&next);
            order.push(next);
        }
        order
    }
}

fn part_of(parts: &[Interval], position: usize) -> usize {
    parts.partition_point(|part| part.1 < position)
}

/// A partition and what it must keep. In the order in which they are looked at: cheapest first; among equals the one that
/// must keep most, which is nearest to its end; then the oldest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    cost: usize,
    depth: Reverse<usize>,
    serial: usize,
    apart: Vec<Interval>,
    together: Vec<Interval>,
    parts: Vec<Interval>,
}
