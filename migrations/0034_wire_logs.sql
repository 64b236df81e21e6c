-- What passed over the line in runs, as stations sent it: gzip of the log (wirelog/src/form.rs). No facts: what is old or too much is let go
-- by a job, so these rows, unlike records, may be deleted.
create table wire_log (
    run_id uuid constraint wire_log_pkey primary key,
    station_id uuid not null constraint wire_log_station_id_fkey references station,
    received_at timestamptz not null,
    -- Of the log, not of what it was packed to: the same log again is the same, whoever packed it.
    sha256 bytea not null constraint wire_log_sha256_check check (length(sha256) = 32),
    -- Of the content.
    bytes integer not null constraint wire_log_bytes_check check (bytes > 0),
    content bytea not null
);
-- It is compressed already.
alter table wire_log alter column content set storage external;
-- The newest first, with what they take: how many fit is read from the index alone.
create index wire_log_received_at_idx on wire_log (received_at desc, run_id desc) include (bytes);

-- Logs that somebody asked for, until they come. gone_at: the station has it no more, and keeps logs for so long.
create table wire_log_wish (
    run_id uuid constraint wire_log_wish_pkey primary key,
    station_id uuid not null constraint wire_log_wish_station_id_fkey references station,
    wanted_by text not null,
    wanted_at timestamptz not null,
    gone_at timestamptz,
    kept_days integer,
    kept_megabytes integer,
    constraint wire_log_wish_gone_check check ((gone_at is null) = (kept_days is null) and (gone_at is null) = (kept_megabytes is null))
);
create index wire_log_wish_station_id_idx on wire_log_wish (station_id, wanted_at) where gone_at is null;

grant select, insert, delete on wire_log to jigline_app;
grant select, insert, update, delete on wire_log_wish to jigline_app;
