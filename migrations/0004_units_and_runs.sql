-- A unit: a board that has shown an identity. The columns from latest_run_id on are a projection of its runs.
create table unit (
    unit_id uuid constraint unit_pkey primary key,
    created_at timestamptz not null,
    latest_run_id uuid not null,
    batch_id uuid not null constraint unit_batch_id_fkey references batch,
    station_id uuid not null,
    bundle_id integer not null,
    slot smallint not null,
    outcome text not null,
    -- Whether some run of it passed, and in which batch it counts.
    passed_run_id uuid,
    fault jsonb,
    finished_at timestamptz not null
);
create index unit_finished_at_idx on unit (finished_at desc, unit_id desc);
create index unit_batch_id_idx on unit (batch_id, finished_at desc);

create table identifier (
    unit_id uuid not null constraint identifier_unit_id_fkey references unit,
    kind text not null constraint identifier_kind_check check (kind in ('serial', 'machine_code',
        'bluetooth_address', 'bluetooth_name', 'pcb_label', 'customer_serial', 'pack_serial')),
    value text not null,
    is_unique boolean not null,
    -- When it was first read: the newest of a kind is the one shown.
    seen_at timestamptz not null
);
create index identifier_unit_id_idx on identifier (unit_id);
-- No two units share what the model calls unique.
create unique index identifier_kind_value_key on identifier (kind, value) where is_unique;
-- 'Any part of it'.
create index identifier_value_trgm_idx on identifier using gin (value gin_trgm_ops);

-- Every number ever lent. unit_id: the board that it was bound to with its first record.
create table serial_number (
    serial text constraint serial_number_pkey primary key,
    serial_block_id uuid not null constraint serial_number_serial_block_id_fkey references serial_block,
    -- Place within the block.
    position smallint not null,
    unit_id uuid constraint serial_number_unit_id_fkey references unit
);
create index serial_number_serial_block_id_idx on serial_number (serial_block_id);

-- What a run is, once. Everything below is partitioned by run_id, which is a UUIDv7: by the month of the run's start.
create table run (
    run_id uuid not null,
    unit_id uuid,
    batch_id uuid not null,
    station_id uuid not null,
    resumes uuid,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    bundle_id integer not null,
    wire_floor_ms integer not null,
    slot smallint not null,
    -- What the server holds true. A pass that the record itself does not support is held as an error.
    outcome text not null
        constraint run_outcome_check check (outcome in ('pass', 'fail', 'error', 'aborted', 'interrupted')),
    -- What the station said, where the server holds it for something else.
    claimed_outcome text,
    operation text not null,
    operator text not null,
    serial text,
    fault_step text,
    fault_code text,
    fault jsonb,
    doubts jsonb,
    firmware_version text,
    firmware_evidence text,
    constraint run_pkey primary key (run_id),
    constraint run_pass_has_no_fault_check check (outcome <> 'pass' or (fault_code is null and doubts is null and unit_id is not null and serial is not null))
) partition by range (run_id);
create index run_unit_id_idx on run (unit_id) where unit_id is not null;
create index run_batch_id_idx on run (batch_id);
create index run_fault_idx on run (finished_at, fault_step) where fault_step is not null;

-- Records of one bundle differ in a tenth of their text: the first pass of a bundle is the dictionary of those after it.
create table text_dictionary (
    dictionary_id integer generated always as identity constraint text_dictionary_pkey primary key,
    bundle_id integer not null constraint text_dictionary_bundle_id_key unique,
    content bytea not null
);

-- The exact text that arrived, as one zstd frame, made with the dictionary where one is named.
create table envelope (
    run_id uuid not null,
    received_at timestamptz not null,
    dictionary_id integer constraint envelope_dictionary_id_fkey references text_dictionary,
    sha256 bytea not null,
    content bytea not null,
    constraint envelope_pkey primary key (run_id)
) partition by range (run_id);
alter table envelope alter column content set storage external;

-- The address of a record is unique for ever.
create table station_number (
    station_id uuid not null,
    outbox_id uuid not null,
    number bigint not null,
    run_id uuid not null,
    constraint station_number_pkey primary key (station_id, outbox_id, number)
);

create table step_name (
    step_no smallint constraint step_name_pkey primary key,
    name text not null constraint step_name_name_key unique
);
insert into step_name (step_no, name)
select o, n from unnest(array['probe', 'identify', 'admit', 'flash', 'boot', 'unlock', 'profile', 'calibrate', 'measure',
    'number', 'name', 'password', 'lease', 'restart', 'verify', 'safe_state']) with ordinality u(n, o);

-- A run's steps in order, one row a run: sixteen rows of their own weigh three times as much. The view step_time tells them
-- one by one.
create table step (
    run_id uuid not null,
    step_no smallint[] not null,
    started_ms integer[] not null,
    duration_ms integer[] not null,
    wire_bytes integer[] not null,
    -- Null where none was begun again.
    retries smallint[],
    -- 'passed', 'failed', 'skipped'; null where all passed.
    outcome text[],
    -- Null where none failed.
    fault_code text[]
) partition by range (run_id);
create index step_run_id_idx on step using brin (run_id uuid_minmax_multi_ops) with (pages_per_range = 16);

-- What is measured, against which limits: once, however many runs measure it.
create table measurement_definition (
    definition_id integer generated always as identity constraint measurement_definition_pkey primary key,
    name text not null,
    unit text not null,
    min double precision,
    max double precision,
    taken text not null,
    source text not null,
    constraint measurement_definition_key unique nulls not distinct (name, unit, min, max, taken, source)
);

-- One reading. 48 bytes and no more: definition and value answer 'which boards measured between ..'.
create table measurement (
    run_id uuid not null,
    definition_id integer not null,
    value real not null,
    -- True where the reading lies outside its limits, null otherwise: a null takes no room in eighty rows a run.
    failed boolean constraint measurement_failed_check check (failed),
    stimulus real
) partition by range (run_id);
create index measurement_run_id_idx on measurement using brin (run_id uuid_minmax_multi_ops) with (pages_per_range = 16);
create index measurement_definition_id_value_idx on measurement (definition_id, thousandths(value));

-- The parameters that a kind of run sets, in order, with the values set: shared by all runs that set the same.
create table parameter_list (
    parameter_list_id integer generated always as identity constraint parameter_list_pkey primary key,
    sha256 bytea not null constraint parameter_list_sha256_key unique,
    -- [{"name", "unit", "set", "before"}]: `before` is what the first such board held; most come as alike from their factory.
    entries jsonb not null
);

-- One row a run. A parameter that was before as usual, and was read and read again as set on verified evidence, is told by
-- the list alone.
create table parameter (
    run_id uuid not null,
    parameter_list_id integer not null,
    -- {name: value} of every parameter that the board held otherwise than usual.
    before jsonb,
    -- {name: {"read", "after_restart", "evidence", "holds", "written"}} of every parameter that did otherwise.
    deviations jsonb
) partition by range (run_id);
create index parameter_run_id_idx on parameter using brin (run_id uuid_minmax_multi_ops) with (pages_per_range = 16);

-- The unit's own password, sealed to a key that is not in the database.
create table unit_secret (
    run_id uuid constraint unit_secret_pkey primary key,
    sealed bytea not null,
    keyed_hash text not null,
    length smallint not null,
    proved boolean not null
);

-- What was held but not accepted, and every second content under a used id.
create table quarantine (
    quarantine_id uuid constraint quarantine_pkey primary key,
    station_id uuid not null,
    state text not null constraint quarantine_state_check check (state in ('conflict', 'quarantined')),
    reason text not null,
    sha256 bytea not null,
    run_id uuid,
    received_at timestamptz not null,
    -- zstd of the exact text.
    content bytea not null,
    constraint quarantine_station_id_sha256_key unique (station_id, sha256)
);
create index quarantine_received_at_idx on quarantine (received_at desc, quarantine_id desc);

-- Projection: runs by day (UTC, of the end), station and batch. Keyed by station, so that stations never wait for each other.
create table day_count (
    day date not null,
    station_id uuid not null,
    batch_id uuid not null,
    runs integer not null default 0,
    pass integer not null default 0,
    fail integer not null default 0,
    error integer not null default 0,
    aborted integer not null default 0,
    interrupted integer not null default 0,
    -- Boards seen first in this batch, those that passed at once, and units that passed at all.
    boards integer not null default 0,
    first_pass integer not null default 0,
    units_passed integer not null default 0,
    constraint day_count_pkey primary key (batch_id, station_id, day)
);
create index day_count_day_idx on day_count (day);

do $$
declare name text;
begin
    foreach name in array array['run', 'envelope', 'step', 'measurement', 'parameter', 'station_number',
        'measurement_definition', 'parameter_list', 'text_dictionary', 'unit_secret', 'quarantine'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
            name || '_append_only', name);
    end loop;
    -- Wild clocks land in the default partition: nothing is refused for its date.
    foreach name in array array['run', 'envelope', 'step', 'measurement', 'parameter'] loop
        execute format('create table %I partition of %I default', name || '_default', name);
    end loop;
end
$$;

-- Makes the partitions of a month. The service calls it at start and daily, and owns nothing all the same.
create function ensure_month(month date) returns void
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
            exception when check_violation then
                -- Runs of that month stand in the default partition already: they are found there just as well.
                raise warning 'partition % not made: the default partition holds runs of that month', child;
            end;
        end if;
    end loop;
end
$$;
