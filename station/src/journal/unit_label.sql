-- Labels of units that passed here: due until they are scanned back. What must be printed survives whatever becomes of the program.
CREATE TABLE IF NOT EXISTS unit_label (
    serial  TEXT PRIMARY KEY,
    -- `crate::journal::UnitLabel`, JSON.
    label   TEXT NOT NULL,
    due_at  TEXT NOT NULL,
    matched INTEGER NOT NULL,
    -- Counts its changes, and the last one that the server knows.
    version INTEGER NOT NULL,
    told    INTEGER NOT NULL DEFAULT 0
) STRICT;
