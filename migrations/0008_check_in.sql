-- What a station said of itself at its check-ins, and whether it is frozen. All null: it never checked in, and is served as before.
alter table station
    add column program text,
    add column checked_in_at timestamptz,
    -- Fingerprint of the machine that was accepted last.
    add column machine text,
    -- The program that was accepted last, since when, and the one before it.
    add column session_id uuid,
    add column session_since timestamptz,
    add column superseded_session_id uuid,
    add column outbox_id uuid,
    -- Why no board is started: a fault with its code and figures.
    add column frozen jsonb,
    add column frozen_at timestamptz,
    add constraint station_frozen_check check ((frozen is null) = (frozen_at is null));

-- Quarantined texts have the address of a record, too, where one can be read from them.
alter table quarantine
    add column outbox_id uuid,
    add column number bigint,
    add constraint quarantine_address_check check ((outbox_id is null) = (number is null));
create index quarantine_address_idx on quarantine (station_id, outbox_id, number) where number is not null;

-- A journal file of a station. Projection of the records held, and what the station said of it.
create table station_outbox (
    station_id uuid not null constraint station_outbox_station_id_fkey references station,
    outbox_id uuid not null,
    first_seen_at timestamptz not null,
    last_record_at timestamptz,
    -- The highest number that the station said it closed, and the SHA-256 of that record where it said so.
    said bigint not null default 0,
    said_sha256 text,
    -- The highest number held and how many different ones, quarantine included.
    held bigint not null default 0,
    held_count bigint not null default 0,
    -- From then on no pass of it counts: the station was freed or replaced.
    ended_at timestamptz,
    constraint station_outbox_pkey primary key (station_id, outbox_id)
);
insert into station_outbox (station_id, outbox_id, first_seen_at, last_record_at, held, held_count)
select n.station_id, n.outbox_id, min(e.received_at), max(e.received_at), max(n.number), count(*)
from station_number n join envelope e using (run_id) join station using (station_id)
group by n.station_id, n.outbox_id;

-- How a text left the quarantine. The text itself stays.
create table quarantine_resolution (
    quarantine_id uuid constraint quarantine_resolution_pkey primary key
        constraint quarantine_resolution_quarantine_id_fkey references quarantine,
    way text not null constraint quarantine_resolution_way_check check (way in ('accept', 'set_aside')),
    note text not null constraint quarantine_resolution_note_check check (note <> ''),
    resolved_by text not null,
    resolved_at timestamptz not null
);
create trigger quarantine_resolution_append_only before update or delete on quarantine_resolution
    for each row execute function refuse_change();
create trigger no_truncate before truncate on quarantine_resolution
    for each statement execute function refuse_change();

grant select, insert, update on station_outbox to jigline_app;
grant select, insert on quarantine_resolution to jigline_app;
