-- The shift book as it stands: `station::shift::Kept` as JSON.
CREATE TABLE IF NOT EXISTS shift_book (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    body TEXT NOT NULL
) STRICT;
-- What was done at the jig and is not on the server yet: `domain::floor::FloorEvent` as JSON, in order.
CREATE TABLE IF NOT EXISTS floor_event (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
) STRICT;
