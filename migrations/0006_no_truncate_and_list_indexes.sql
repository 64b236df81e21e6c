-- What is append-only can't be emptied either: a row trigger does not see TRUNCATE.
do $$
declare held regclass;
begin
    for held in select distinct tgrelid::regclass from pg_trigger where tgfoid = 'refuse_change'::regproc loop
        execute format('create trigger no_truncate before truncate on %s for each statement execute function refuse_change()', held);
    end loop;
end
$$;

-- As before, and no month is emptied.
create or replace function ensure_month(month date) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    first date := date_trunc('month', month)::date;
    parent text;
    child text;
begin
    perform pg_advisory_xact_lock(7240001);
    foreach parent in array array['run', 'envelope', 'step', 'measurement', 'parameter'] loop
        child := parent || '_' || to_char(first, 'YYYY_MM');
        if to_regclass(quote_ident(child)) is null then
            begin
                execute format('create table %I partition of %I for values from (%L) to (%L)', child, parent,
                    uuid_v7_floor(first::timestamp at time zone 'UTC'),
                    uuid_v7_floor((first + interval '1 month')::timestamp at time zone 'UTC'));
                execute format('create trigger no_truncate before truncate on %I for each statement execute function refuse_change()',
                    child);
            exception when check_violation then
                -- Runs of that month stand in the default partition already: they are found there just as well.
                raise warning 'partition % not made: the default partition holds runs of that month', child;
            end;
        end if;
    end loop;
end
$$;

-- The list of leases asks in this order and of these rows only.
drop index lease_ends_idx;
create index lease_ends_idx on lease
    ((least(coalesce(desired_expires_at, reported_expires_at, 'infinity'), '9999-01-01 00:00+00')), unit_id)
    where desired_mode is not null or reported_mode <> 'open';

-- What went wrong is rare: without this a question for it reads every unit.
create index unit_not_passed_idx on unit (outcome, finished_at desc, unit_id desc) where outcome <> 'pass';

-- The line asks whether a run that shows a pass was quarantined.
create index quarantine_run_id_idx on quarantine (run_id) where run_id is not null;
