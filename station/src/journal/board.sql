-- What the runs here came to, by board and operation: kept when the records themselves were sent and pruned.
CREATE TABLE IF NOT EXISTS board (
    identity  TEXT NOT NULL,
    operation TEXT NOT NULL,
    -- Of the last run.
    batch_id  TEXT NOT NULL,
    -- In a row: since the last pass, or since the server said last how many it counts.
    fails     INTEGER NOT NULL,
    PRIMARY KEY (identity, operation)
) STRICT, WITHOUT ROWID;
-- Orders to work a board once more that a run here has used up.
CREATE TABLE IF NOT EXISTS used_order (
    unit_act_id TEXT PRIMARY KEY,
    run_id      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Boards that the server has called references: off line nobody works them either.
CREATE TABLE IF NOT EXISTS reference_board (
    identity TEXT PRIMARY KEY,
    -- What a check of it must come to, as JSON.
    said     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
