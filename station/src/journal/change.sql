-- How often this file was changed: a copy from before has counted less, however many records both hold.
CREATE TABLE IF NOT EXISTS change (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO change (one, count) VALUES (1, 0);
