//! References as the jig knows them, and how often it used them itself.

use super::Shared;
use crate::{journal::ShiftPage, shift::ShiftBook};
use domain::{identifier::Identifier, ids::RunId, record::BirthRecord, reference::Reference};

impl<S> Shared<S> {
    /// The reference that a board with these identifiers is, by the server's last word.
    pub fn reference(&self, shown: &[Identifier]) -> Option<Reference> {
        self.book.borrow().reference(shown).cloned()
    }

    /// Checks with references that the server has counted are no more this jig's to count.
    pub fn checks_counted(&self, runs: &[RunId]) {
        let mut book = self.book.borrow().clone();
        book.checks_counted(runs);
        self.keep_checks(book);
    }

    /// Checks with references that a crash cut off.
    pub fn note_checks(&self, interrupted: &[BirthRecord]) {
        let mut book = self.book.borrow().clone();
        interrupted.iter().for_each(|record| book.note_check(record));
        self.keep_checks(book);
    }

    fn keep_checks(&self, book: ShiftBook) {
        if book.kept() == self.book.borrow().kept() {
            return;
        }
        if let Err(fault) = self.journal.keep_shift(ShiftPage { kept: book.kept(), events: &[] }) {
            tracing::warn!(%fault, "how often references were used here can't be written down; it is counted anew at the next start");
        }
        self.take_book(book, &[]);
    }
}
