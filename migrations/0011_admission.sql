-- What people decide about a unit: it is put on hold and released, shipped and taken back, reworked, ordered to be worked once more, let go
-- from its batch. Nothing is ever changed: what a unit stands like now follows from its acts and its runs, and so does what it stood like then.
create table unit_act (
    unit_act_id uuid constraint unit_act_pkey primary key,
    -- Of two of the same moment the later one is the higher.
    place bigint generated always as identity,
    unit_id uuid not null constraint unit_act_unit_id_fkey references unit,
    act text not null constraint unit_act_act_check
        check (act in ('hold', 'release', 'ship', 'take_back', 'rework', 'order_rerun', 'leave_batch')),
    reason text not null constraint unit_act_reason_check check (reason <> ''),
    -- Of a rework: what was found; what was done is the reason.
    found text,
    -- Of an order to work it once more.
    operation text,
    -- The unit's latest run when it was decided: as long as it is the latest, whoever left a batch has none.
    latest_run_id uuid not null,
    decided_by text not null,
    decided_at timestamptz not null,
    constraint unit_act_found_check check ((act = 'rework') = (found is not null)),
    constraint unit_act_operation_check check ((act = 'order_rerun') = (operation is not null))
);
create index unit_act_unit_id_idx on unit_act (unit_id, place desc);
create trigger unit_act_append_only before update or delete on unit_act
    for each row execute function refuse_change();
create trigger no_truncate before truncate on unit_act
    for each statement execute function refuse_change();
grant select, insert on unit_act to jigline_app;
grant usage on all sequences in schema public to jigline_app;

-- The order that a run used up.
alter table run add column rerun uuid;

-- Fails in a row behind which a board waits for a rework entry.
alter table batch add column fails_allowed smallint not null default 3
    constraint batch_fails_allowed_check check (fails_allowed between 1 and 100);
