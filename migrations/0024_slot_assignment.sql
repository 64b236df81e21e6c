-- Slots that work another batch than their station. Who assigns a batch to the whole station clears them.
create table slot_assignment (
    station_id uuid not null constraint slot_assignment_station_id_fkey references station,
    slot smallint not null constraint slot_assignment_slot_check check (slot >= 1),
    batch_id uuid not null constraint slot_assignment_batch_id_fkey references batch,
    assigned_by text not null,
    assigned_at timestamptz not null,
    -- As in assignment.
    operator text,
    constraint slot_assignment_pkey primary key (station_id, slot)
);
create index slot_assignment_batch_id_idx on slot_assignment (batch_id);
grant select, insert, update, delete on slot_assignment to jigline_app;
