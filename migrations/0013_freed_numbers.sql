-- A customer's number that was lent and given up may be lent again: somebody has decided so, and it is on no board.
create table serial_free (
    serial_free_id bigint generated always as identity constraint serial_free_pkey primary key,
    serial text not null constraint serial_free_serial_fkey references serial_number,
    reason text not null constraint serial_free_reason_check check (reason <> ''),
    freed_by text not null,
    freed_at timestamptz not null
);
create index serial_free_serial_idx on serial_free (serial);
create trigger serial_free_append_only before update or delete on serial_free for each row execute function refuse_change();
create trigger no_truncate before truncate on serial_free for each statement execute function refuse_change();

-- Since when it waits to be lent again; null: it is lent.
alter table serial_number add column freed_at timestamptz;

-- The numbers of customers' lists that were lent, and whether the station that has them may still use them: an administrator has neither
-- freed nor replaced it since, it works with the journal file that they were lent to, and that has not been written off.
create view lent_of_list as
select n.serial, b.batch_id, b.station_id, n.unit_id, n.freed_at,
    exists (select from serial_scrap x where x.serial = n.serial) as is_scrapped,
    (s.released_at is null or b.lent_at > s.released_at)
        and (b.outbox_id is null or s.outbox_id is null or b.outbox_id = s.outbox_id)
        and not exists (select from quota_share q where q.batch_id = b.batch_id and q.station_id = b.station_id
            and q.outbox_id = b.outbox_id and q.written_off is not null) as is_in_hand
from serial_number n join serial_block b using (serial_block_id) join station s using (station_id)
    join batch_number l on l.serial = n.serial and l.batch_id = b.batch_id;

grant select, insert on serial_free to jigline_app;
grant select on lent_of_list to jigline_app;
grant usage on all sequences in schema public to jigline_app;
