//! Numbers as they are lent, scrapped and freed.

use super::{Block, IngestModel, Number, Refused};
use chrono::NaiveDate;
use domain::{
    api::stations::{LeaseSerialBlock, SerialBlock},
    ids::{BatchId, OutboxId, SerialBlockId, StationId},
    outcome::Outcome,
};

/// Numbers a question.
const MOST_NUMBERS: u32 = 1000;

impl IngestModel {
    /// Lends numbers to a station on that day, and deals it shares where it states its account.
    ///
    /// # Errors
    /// With the status and the code that the server refuses with; then nothing is lent and nothing granted.
    pub fn serial_block(
        &mut self,
        station: StationId,
        ask: &LeaseSerialBlock,
        day: NaiveDate,
    ) -> Result<SerialBlock, Refused> {
        self.require_unfrozen(station)?;
        if !(1..=MOST_NUMBERS).contains(&ask.count) {
            return Err(Refused::INVALID);
        }
        let before = self.batches.get(&ask.batch_id).map(|batch| batch.ledger.clone());
        let lent = self.lend(station, ask, day);
        // All or nothing.
        if lent.is_err()
            && let (Some(batch), Some(before)) = (self.batches.get_mut(&ask.batch_id), before)
        {
            batch.ledger = before;
        }
        lent
    }

    fn lend(
        &mut self,
        station: StationId,
        ask: &LeaseSerialBlock,
        day: NaiveDate,
    ) -> Result<SerialBlock, Refused> {
        let share = ask.share.as_ref().map(|said| self.deal(station, ask.batch_id, said)).transpose()?;
        let serials = match self.blocks.get(&ask.block_id) {
            Some(block) if block.batch == ask.batch_id && block.station == station => {
                let is_its = |serial: &&String| {
                    self.numbers
                        .get(*serial)
                        .is_some_and(|number| number.block == Some(ask.block_id) && !number.freed)
                };
                block.serials.iter().filter(is_its).cloned().collect()
            }
            Some(_) => return Err(Refused::CONFLICT),
            None => self.lend_new(station, ask, day)?,
        };
        let scrapped = self.numbers_at(ask.batch_id, station).filter(|(_, number)| number.scrapped);
        let scrapped = scrapped.map(|(serial, _)| serial.clone()).collect();
        Ok(SerialBlock { block_id: ask.block_id, batch_id: ask.batch_id, serials, share, scrapped })
    }

    fn lend_new(
        &mut self,
        station: StationId,
        ask: &LeaseSerialBlock,
        day: NaiveDate,
    ) -> Result<Vec<String>, Refused> {
        let batch = self.batches.get(&ask.batch_id).ok_or(Refused::NOT_FOUND)?;
        if batch.labels.is_some() {
            return if ask.share.is_some() { Ok(Vec::new()) } else { Err(Refused::SCANNED) };
        }
        // Boards that may still pass with them: those of its shares; of all that is left, to a station that states none.
        let boards = match &ask.share {
            Some(said) => self.outstanding(ask.batch_id, station, said.outbox_id),
            None => batch.ledger.room(),
        };
        let is_listed = !batch.list.is_empty();
        // A customer's numbers are few: one a board. Of ours some may be spoilt.
        let enough = if is_listed || boards == 0 { boards } else { 2 * boards + 16 };
        // What it has in hand is counted where somebody counts: not by a station that knows no shares, of numbers that never end.
        let era = self.era(station);
        let outbox = ask.share.as_ref().map(|said| said.outbox_id);
        let is_in_hand = |number: &Number| {
            !number.scrapped && number.era == era && (outbox.is_none() || number.outbox == outbox)
        };
        let in_hand = self.numbers_at(ask.batch_id, station).filter(|(_, number)| is_in_hand(number)).count();
        let in_hand = if is_listed || ask.share.is_some() { in_hand as u64 } else { 0 };
        let wanted = enough.saturating_sub(in_hand).min(ask.count.into()) as usize;
        if wanted == 0 {
            return if ask.share.is_some() { Ok(Vec::new()) } else { Err(Refused::QUOTA_SPENT) };
        }
        let serials = if is_listed {
            let is_free = |serial: &&String| {
                self.numbers.get(*serial).is_none_or(|number| number.freed && !number.scrapped)
            };
            let free = batch.list.iter().filter(is_free);
            free.take(wanted).cloned().collect()
        } else {
            self.next_of_pattern(ask.batch_id, wanted, day)?
        };
        if !serials.is_empty() {
            self.keep_lent((station, outbox), (ask.batch_id, ask.block_id), &serials);
        }
        Ok(serials)
    }

    fn next_of_pattern(
        &mut self,
        batch: BatchId,
        wanted: usize,
        day: NaiveDate,
    ) -> Result<Vec<String>, Refused> {
        let batch = self.batches.get(&batch).ok_or(Refused::NOT_FOUND)?;
        let pattern = &self.released.get(&batch.bundle).ok_or(Refused::NOT_FOUND)?.pattern;
        let prefix = pattern.number(0, day).map_err(|_| Refused::PATTERN)?;
        let mut next = self.next.get(&prefix).copied().unwrap_or(1);
        let mut serials = Vec::new();
        while serials.len() < wanted {
            let serial = pattern.number(next, day).map_err(|_| Refused::PATTERN)?;
            let is_a_customers = self.batches.values().any(|batch| batch.list.contains(&serial));
            if !self.numbers.contains_key(&serial) && !is_a_customers {
                serials.push(serial);
            }
            next += 1;
        }
        self.next.insert(prefix, next);
        Ok(serials)
    }

    fn keep_lent(
        &mut self,
        (station, outbox): (StationId, Option<OutboxId>),
        (batch, block): (BatchId, SerialBlockId),
        serials: &[String],
    ) {
        let era = self.era(station);
        for serial in serials {
            let block = Some(block);
            let number =
                Number { block, batch, station, era, outbox, unit: None, scrapped: false, freed: false };
            self.numbers.insert(serial.clone(), number);
        }
        self.blocks.insert(block, Block { batch, station, serials: serials.to_vec() });
    }

    /// A number that a board of this batch brought on its label.
    pub(super) fn new_label(&self, station: StationId, batch: BatchId) -> Number {
        let (block, era, outbox) = (None, self.era(station), None);
        Number { block, batch, station, era, outbox, unit: None, scrapped: false, freed: false }
    }

    fn era(&self, station: StationId) -> u32 {
        self.stations.get(&station).map_or(0, |station| station.era)
    }

    /// Numbers of the batch that this station was lent and that are on no board.
    fn numbers_at(&self, batch: BatchId, station: StationId) -> impl Iterator<Item = (&String, &Number)> {
        self.numbers.iter().filter(move |(_, number)| {
            number.batch == batch && number.station == station && number.unit.is_none() && !number.freed
        })
    }

    /// Somebody decides that no board gets this number any more.
    ///
    /// # Errors
    /// It was never lent, its unit passed, or it was scrapped before.
    pub fn scrap(&mut self, serial: &str) -> Result<(), Refused> {
        let unit = self.numbers.get(serial).ok_or(Refused::NOT_FOUND)?.unit;
        if unit.is_some_and(|unit| self.runs_of(unit).any(|run| run.outcome == Outcome::Pass)) {
            return Err(Refused::PASSED);
        }
        let number = self.numbers.get_mut(serial).ok_or(Refused::NOT_FOUND)?;
        if number.scrapped {
            return Err(Refused::CONFLICT);
        }
        number.scrapped = true;
        Ok(())
    }

    /// Somebody decides that a customer's number, lent and given up, may be lent again.
    ///
    /// # Errors
    /// It was never lent, is on no list, was scrapped, is free, is or may be on a board, or may still be used by its station.
    pub fn free(&mut self, serial: &str) -> Result<(), Refused> {
        let number = self.numbers.get(serial).ok_or(Refused::NOT_FOUND)?;
        let is_listed =
            self.batches.get(&number.batch).is_some_and(|batch| batch.list.iter().any(|s| s == serial));
        let names_it = |run: &super::Run| {
            run.record.batch_id == number.batch && run.record.serial.as_deref() == Some(serial)
        };
        let is_named = self.runs.values().any(names_it) || self.is_waiting(number.station, serial);
        if !is_listed {
            return Err(Refused::NOT_LISTED);
        }
        if number.scrapped {
            return Err(Refused::SCRAPPED);
        }
        if number.freed {
            return Err(Refused::CONFLICT);
        }
        if number.unit.is_some() || is_named {
            return Err(Refused::BOUND);
        }
        if self.is_in_hand(number) {
            return Err(Refused::IN_HAND);
        }
        if let Some(number) = self.numbers.get_mut(serial) {
            number.freed = true;
        }
        Ok(())
    }

    /// Numbers that wait to be lent again.
    #[must_use]
    pub fn freed(&self) -> Vec<String> {
        let freed = self.numbers.iter().filter(|(_, number)| number.freed);
        freed.map(|(serial, _)| serial.clone()).collect()
    }

    /// Whether its station may still give it to a board: nobody has freed or replaced that, it works with the journal file that the number
    /// was lent to, and that one's share lives.
    fn is_in_hand(&self, number: &Number) -> bool {
        let Some(station) = self.stations.get(&number.station) else { return true };
        let is_written_off =
            number.outbox.is_some_and(|outbox| self.is_written_off(number.batch, number.station, outbox));
        let works_with_another =
            number.outbox.zip(station.known.outbox).is_some_and(|(lent, now)| lent != now);
        station.era == number.era && !works_with_another && !is_written_off
    }

    /// As if so many numbers behind this prefix had been lent to others.
    pub fn skip_numbers(&mut self, prefix: &str, count: u32) {
        *self.next.entry(prefix.to_owned()).or_insert(1) += count;
    }
}
