CREATE TABLE journal (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    schema       INTEGER NOT NULL,
    station_id   TEXT NOT NULL,
    outbox_id    TEXT NOT NULL,
    next_number  INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    created_at   TEXT NOT NULL
) STRICT;
-- A run; `draft` is its record so far while it is open.
CREATE TABLE run (
    run_id     TEXT PRIMARY KEY,
    slot       INTEGER NOT NULL,
    opened_at  TEXT NOT NULL,
    identity   TEXT,
    draft      TEXT,
    outcome    TEXT,
    resumed_by TEXT,
    CHECK ((draft IS NULL) <> (outcome IS NULL))
) STRICT;
CREATE INDEX run_identity ON run (identity);
-- What happened in a run, in order; each row was on disk before its effect was on the board.
CREATE TABLE event (
    run_id TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    at     TEXT NOT NULL,
    what   TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE block (
    block_id TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL,
    count    INTEGER NOT NULL,
    held     INTEGER NOT NULL
) STRICT;
-- A number is bound to an identity, never to a slot.
CREATE TABLE number (
    serial   TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL,
    block_id TEXT,
    position INTEGER NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('free', 'reserved', 'confirmed')),
    identity TEXT UNIQUE,
    run_id   TEXT,
    CHECK ((state = 'free') = (identity IS NULL))
) STRICT;
CREATE TABLE secret (
    identity   TEXT PRIMARY KEY,
    run_id     TEXT NOT NULL,
    own        BLOB NOT NULL,
    sealed     TEXT NOT NULL,
    keyed_hash TEXT NOT NULL,
    length     INTEGER NOT NULL
) STRICT;
-- Who passed here; kept when the record itself was sent and pruned.
CREATE TABLE pass (
    identifier TEXT NOT NULL,
    operation  TEXT NOT NULL,
    serial     TEXT,
    PRIMARY KEY (identifier, operation)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    number   INTEGER PRIMARY KEY,
    run_id   TEXT NOT NULL UNIQUE,
    envelope TEXT NOT NULL,
    sha256   TEXT NOT NULL
) STRICT;
