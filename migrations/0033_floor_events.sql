-- What people did at jigs, as their stations tell it.
create table floor_event (
    event_id uuid constraint floor_event_pkey primary key,
    station_id uuid not null constraint floor_event_station_id_fkey references station,
    at timestamptz not null,
    received_at timestamptz not null,
    -- Out of the event, to find it by: no foreign keys, for what was done is kept whatever it names.
    batch_id uuid,
    -- domain::floor::FloorEvent as JSON. Text, for jsonb holds no NUL, and what came is never refused for a character.
    event text not null
);
create index floor_event_station_id_idx on floor_event (station_id, at desc, event_id desc);
create index floor_event_batch_id_idx on floor_event (batch_id, at desc, event_id desc) where batch_id is not null;

-- Events that came under the id of another one: nobody can say which is true, so both are kept.
create table floor_event_at_odds (
    event_id uuid not null constraint floor_event_at_odds_event_id_fkey references floor_event,
    sha256 text not null,
    station_id uuid not null constraint floor_event_at_odds_station_id_fkey references station,
    received_at timestamptz not null,
    event text not null,
    constraint floor_event_at_odds_pkey primary key (event_id, station_id, sha256)
);

do $$
declare name text;
begin
    foreach name in array array['floor_event', 'floor_event_at_odds'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
            name || '_append_only', name);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function refuse_change()', name);
    end loop;
end
$$;
grant select, insert on floor_event, floor_event_at_odds to jigline_app;
