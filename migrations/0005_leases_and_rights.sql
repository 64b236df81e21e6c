-- The ledger of what was wanted. Nothing is ever changed: a new wish is a new row.
create table lease_desire (
    lease_desire_id bigint generated always as identity constraint lease_desire_pkey primary key,
    unit_id uuid not null constraint lease_desire_unit_id_fkey references unit,
    mode text not null constraint lease_desire_mode_check check (mode in ('open', 'armed', 'locked')),
    expires_at timestamptz,
    reason text not null constraint lease_desire_reason_check check (reason <> ''),
    set_by text not null,
    set_at timestamptz not null
);
create trigger lease_desire_append_only before update or delete on lease_desire
    for each row execute function refuse_change();

-- Projection: the last desire, and what the board was last read to hold. Only a read-back changes the second.
create table lease (
    unit_id uuid constraint lease_pkey primary key constraint lease_unit_id_fkey references unit,
    desired_mode text,
    desired_expires_at timestamptz,
    desired_by text,
    desired_at timestamptz,
    reported_mode text,
    reported_expires_at timestamptz,
    reported_at timestamptz,
    reported_run_id uuid
);
create index lease_ends_idx on lease ((coalesce(desired_expires_at, reported_expires_at, 'infinity')), unit_id);

-- Readings and parameters as a person asks for them.
create view measurement_reading as
    select m.run_id, d.name, m.value, d.unit, d.min, d.max, m.failed is null as passed, m.stimulus, d.taken, d.source
    from measurement m join measurement_definition d using (definition_id);

create view parameter_value as
    select p.run_id, e.value ->> 'name' as name, b.value as before, e.value -> 'set' as set,
        case when d.value is null then e.value -> 'set' else d.value -> 'read' end as read,
        case when d.value is null then e.value -> 'set' else d.value -> 'after_restart' end as after_restart,
        e.value ->> 'unit' as unit,
        coalesce(d.value ->> 'evidence', 'verified') as evidence,
        coalesce((d.value ->> 'holds')::boolean, true) as holds,
        coalesce((d.value ->> 'written')::boolean, b.value is distinct from e.value -> 'set') as written
    from parameter p
    join parameter_list l using (parameter_list_id)
    cross join lateral jsonb_array_elements(l.entries) e(value)
    cross join lateral (
        select case when p.before ? (e.value ->> 'name') then p.before -> (e.value ->> 'name') else e.value -> 'before' end
            as value
    ) b
    cross join lateral (select p.deviations -> (e.value ->> 'name') as value) d;

create view step_time as
    select s.run_id, n.name as step, t.started_ms, t.duration_ms, t.wire_bytes, coalesce(s.retries[t.ordinality], 0) as retries,
        coalesce(s.outcome[t.ordinality], 'passed') as outcome, s.fault_code[t.ordinality] as fault_code
    from step s
    cross join lateral unnest(s.step_no, s.started_ms, s.duration_ms, s.wire_bytes) with ordinality
        t(step_no, started_ms, duration_ms, wire_bytes, ordinality)
    join step_name n on n.step_no = t.step_no;

-- What the service may: read everything, append facts, change projections and master data.
grant usage on schema public to jigline_app;
grant select, insert on all tables in schema public to jigline_app;
grant usage on all sequences in schema public to jigline_app;
grant update on account, api_token, station, assignment, serial_sequence, serial_number, station_count, station_live,
    unit, day_count, lease, session to jigline_app;
grant delete on session, station_live to jigline_app;
revoke all on function ensure_month(date) from public;
grant execute on function ensure_month(date) to jigline_app;
