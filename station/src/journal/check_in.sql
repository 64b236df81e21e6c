-- What the server said last to this journal's station: the machine that it accepted, and why no board was to be started.
CREATE TABLE IF NOT EXISTS check_in (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    machine TEXT,
    frozen  TEXT
) STRICT;
-- The last record closed, kept when the record itself was sent and pruned.
CREATE TABLE IF NOT EXISTS last_record (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
