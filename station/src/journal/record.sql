-- The number of every record that was closed, kept when the record itself was sent and pruned: closed again, a run gets no second one.
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE
) STRICT;
INSERT OR IGNORE INTO record (number, run_id) SELECT number, run_id FROM outbox;
-- Records of the outbox that the server refuses by themselves: they stop no others, and are offered again at every start.
CREATE TABLE IF NOT EXISTS parked (
    number INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;
