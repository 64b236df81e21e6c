-- What passed over the line in a run (see wire/form.rs). Apart from the records: it is pruned by age and size, they are not.
CREATE TABLE IF NOT EXISTS wire_log (
    seq    INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    at_ms  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    log    BLOB NOT NULL
) STRICT;
-- What all of them take is added up without a look at the logs themselves.
CREATE INDEX IF NOT EXISTS wire_log_size ON wire_log (seq, at_ms, bytes);
-- Logs that the server is to have without being asked, once it holds their records.
CREATE TABLE IF NOT EXISTS wire_log_due (
    run_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
