-- What of a batch's quantity a station's journal file may still make pass: the account that domain::quota::GivenShare is.
-- granted = returned + passed + set_aside + written_off + what is outstanding; every counter only grows.
create table quota_share (
    batch_id uuid not null constraint quota_share_batch_id_fkey references batch,
    station_id uuid not null constraint quota_share_station_id_fkey references station,
    outbox_id uuid not null,
    granted bigint not null,
    returned bigint not null,
    passed bigint not null,
    set_aside bigint not null,
    -- Null: it lives. Else how many shares an administrator gave to others; no pass of it counts any more.
    written_off bigint,
    -- Starts under way, as the station said last.
    said_open bigint not null default 0,
    said_at timestamptz,
    constraint quota_share_pkey primary key (batch_id, station_id, outbox_id),
    constraint quota_share_whole_check check (
        least(returned, passed, set_aside, coalesce(written_off, 0)) >= 0
        and granted >= returned + passed + set_aside + coalesce(written_off, 0))
);

create table share_write_off (
    share_write_off_id bigint generated always as identity constraint share_write_off_pkey primary key,
    batch_id uuid not null constraint share_write_off_batch_id_fkey references batch,
    station_id uuid not null constraint share_write_off_station_id_fkey references station,
    outbox_id uuid not null,
    shares bigint not null,
    reason text not null constraint share_write_off_reason_check check (reason <> ''),
    written_off_by text not null,
    written_off_at timestamptz not null
);
create index share_write_off_batch_id_idx on share_write_off (batch_id);

-- A number that no board gets any more.
create table serial_scrap (
    serial text constraint serial_scrap_pkey primary key
        constraint serial_scrap_serial_fkey references serial_number,
    reason text not null constraint serial_scrap_reason_check check (reason <> ''),
    scrapped_by text not null,
    scrapped_at timestamptz not null
);

-- A customer's own numbers of a batch, in the order in which they are lent. A batch with such a list has no others.
create table batch_number (
    batch_id uuid not null constraint batch_number_batch_id_fkey references batch,
    position integer not null,
    serial text not null constraint batch_number_serial_key unique,
    constraint batch_number_pkey primary key (batch_id, position)
);

do $$
declare name text;
begin
    foreach name in array array['share_write_off', 'serial_scrap', 'batch_number'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
            name || '_append_only', name);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function refuse_change()', name);
    end loop;
end
$$;

grant select, insert, update on quota_share to jigline_app;
grant select, insert on share_write_off, serial_scrap, batch_number to jigline_app;
grant usage on all sequences in schema public to jigline_app;

-- The journal file that asked for a block: numbers that another one of the station was lent are not in its hand. None for a station that
-- states no shares.
alter table serial_block add column outbox_id uuid;
