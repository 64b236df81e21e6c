//! Keeps the entries of one run within the log's limit: the begin of the run, and its end as it moves on. What lies between is
//! counted and left out: how a run began and how it ended tell the most.

use super::{Direction, Entry, Head, LIMIT, What, form};
use std::collections::VecDeque;

/// What the head may take: its names are cut to fit.
const HEAD_RESERVE: usize = 1536;
/// The begin: probing, identity, the loader's first words.
const BEGIN_LIMIT: usize = 4 * 1024;
/// Where something was dropped, and the end mark.
const MARKS: usize = 48;
/// The end.
const END_LIMIT: usize = LIMIT - HEAD_RESERVE - BEGIN_LIMIT - MARKS;

#[derive(Debug, Default)]
pub(super) struct Store {
    begin: Vec<form::Coded>,
    begin_cost: usize,
    /// With what each costs.
    end: VecDeque<(form::Coded, usize)>,
    end_cost: usize,
    last_us: u64,
    dropped: Dropped,
}

#[derive(Debug, Default, Clone, Copy)]
struct Dropped {
    entries: u64,
    bytes: u64,
    at_us: u64,
}

impl Store {
    pub fn push(&mut self, entry: &Entry) {
        form::code(entry, &mut |coded| {
            let cost = coded.cost(self.last_us);
            self.last_us = coded.at_us;
            // Once something went to the end, all that follows does.
            if self.end.is_empty() && self.dropped.entries == 0 && self.begin_cost + cost <= BEGIN_LIMIT {
                self.begin_cost += cost;
                self.begin.push(coded);
                return;
            }
            self.end_cost += cost;
            self.end.push_back((coded, cost));
            while self.end_cost > END_LIMIT
                && let Some((oldest, cost)) = self.end.pop_front()
            {
                self.end_cost -= cost;
                if self.dropped.entries == 0 {
                    self.dropped.at_us = oldest.at_us;
                }
                self.dropped.entries += 1;
                self.dropped.bytes += oldest.wire;
            }
        });
    }

    /// The whole log, at most [`LIMIT`] bytes of it.
    pub fn log(&self, head: &Head) -> Vec<u8> {
        let mut log = form::begin(head);
        let mut before_us = 0;
        let mut write = |coded: &form::Coded| {
            coded.write(before_us, &mut log);
            before_us = coded.at_us;
        };
        self.begin.iter().for_each(&mut write);
        let Dropped { entries, bytes, at_us } = self.dropped;
        if entries > 0 {
            let what = What::Dropped { entries, bytes };
            form::code(&Entry { at_us, direction: Direction::Sent, what }, &mut |coded| write(&coded));
        }
        self.end.iter().for_each(|(coded, _)| write(coded));
        form::end(&mut log);
        log
    }
}
