-- For what a known-bad board must fail, and for which profile a reference is made. Of those registered before nobody stated it.
alter table reference_board
    add column must_fail_code text,
    add column must_fail_step text,
    add column profile text,
    add constraint reference_board_must_fail_check check (
        (must_fail_code is null) = (must_fail_step is null) and (must_fail_code is null or kind = 'known_bad'));

-- A jig checked with a reference: no run, in no unit's history and in no count. Its exact text stands in `envelope`, its address in
-- `station_number`, like any record's.
create table reference_check (
    run_id uuid constraint reference_check_pkey primary key,
    -- None: the server knew of no such reference when the check began.
    reference_id uuid constraint reference_check_reference_id_fkey references reference_board,
    -- As the server knew it then, else as the station did.
    name text not null,
    kind text not null constraint reference_check_kind_check check (kind in ('golden', 'known_bad')),
    must_fail jsonb,
    station_id uuid not null constraint reference_check_station_id_fkey references station,
    slot smallint not null,
    batch_id uuid not null constraint reference_check_batch_id_fkey references batch,
    operator text not null,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    outcome text not null,
    fault jsonb,
    result text not null
        constraint reference_check_result_check check (result in ('as_expected', 'not_as_expected', 'cut_off')),
    doubts jsonb
);
create index reference_check_finished_idx on reference_check (finished_at desc, run_id desc);
create index reference_check_station_idx on reference_check (station_id, slot, finished_at desc);
create index reference_check_reference_idx on reference_check (reference_id, finished_at desc);

create trigger reference_check_append_only before update or delete on reference_check
    for each row execute function refuse_change();
create trigger no_truncate before truncate on reference_check for each statement execute function refuse_change();
grant select, insert on reference_check to jigline_app;
