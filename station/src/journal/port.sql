-- Which port is which slot's, and what was plugged in there when it was last known, as JSON: where that is another now, somebody has to show
-- what hangs on it.
CREATE TABLE IF NOT EXISTS port (
    slot INTEGER PRIMARY KEY,
    said TEXT NOT NULL
) STRICT;
