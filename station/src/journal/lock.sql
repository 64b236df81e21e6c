-- The lock that an interrupted run had found on its board: who takes the run over puts it back where it comes to no pass.
CREATE TABLE IF NOT EXISTS lock_found (
    run_id TEXT PRIMARY KEY,
    -- As it was read, as JSON.
    lock   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
