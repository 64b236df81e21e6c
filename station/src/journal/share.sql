-- Shares of a batch's quantity: the account that `domain::quota::HeldShare` is, one a batch in each outbox.
CREATE TABLE IF NOT EXISTS share (
    outbox_id     TEXT NOT NULL,
    batch_id      TEXT NOT NULL,
    granted       INTEGER NOT NULL DEFAULT 0,
    started       INTEGER NOT NULL DEFAULT 0,
    consumed      INTEGER NOT NULL DEFAULT 0,
    released      INTEGER NOT NULL DEFAULT 0,
    returned      INTEGER NOT NULL DEFAULT 0,
    settled       INTEGER NOT NULL DEFAULT 0,
    unmetered     INTEGER NOT NULL DEFAULT 0,
    written_off   INTEGER NOT NULL DEFAULT 0,
    -- What the server is known to have heard; -1 while it was asked for shares and no answer came.
    told_returned INTEGER NOT NULL DEFAULT 0,
    told_settled  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (outbox_id, batch_id)
) STRICT, WITHOUT ROWID;
-- Whose share a run has: gone when it ends without a pass, else when the server holds its record.
CREATE TABLE IF NOT EXISTS run_share (
    run_id    TEXT PRIMARY KEY,
    outbox_id TEXT NOT NULL,
    batch_id  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- A journal that was kept without shares: its passes count all the same, those that the server does not hold yet among them.
INSERT OR IGNORE INTO run_share (run_id, outbox_id, batch_id)
SELECT run_id, (SELECT outbox_id FROM journal), json_extract(envelope, '$.record.batch_id') FROM outbox
WHERE json_extract(envelope, '$.record.outcome') = 'pass' AND NOT EXISTS (SELECT 1 FROM share);
INSERT INTO share (outbox_id, batch_id, started, consumed, settled)
SELECT (SELECT outbox_id FROM journal), n.batch_id, count(*), count(*),
    max(0, count(*) - (SELECT count(*) FROM run_share r WHERE r.batch_id = n.batch_id))
FROM number n WHERE n.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM share) GROUP BY n.batch_id;
