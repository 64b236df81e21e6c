-- The pass that a slot shows: gone when the board is taken out or another run begins there.
CREATE TABLE IF NOT EXISTS standing (
    slot        INTEGER PRIMARY KEY,
    run_id      TEXT NOT NULL,
    batch_id    TEXT NOT NULL,
    identity    TEXT NOT NULL,
    operation   TEXT NOT NULL,
    serial      TEXT,
    started_at  TEXT NOT NULL,
    finished_at TEXT NOT NULL
) STRICT;
