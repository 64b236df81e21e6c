-- How often each nest has clamped a board: its needles wear out. Clamped: a board lay in it when it was seen last.
CREATE TABLE IF NOT EXISTS nest (
    id       TEXT PRIMARY KEY,
    contacts INTEGER NOT NULL,
    clamped  INTEGER NOT NULL
) STRICT;
