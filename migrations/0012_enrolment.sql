-- Since when no machine has the station's key: it was made or replaced, and waits for whoever enters its code.
alter table station add column awaited_since timestamptz;

-- One-time codes. Of a code its first group is kept, to find it by, and an Argon2id hash of the rest.
create table enrol_code (
    name text constraint enrol_code_pkey primary key,
    station_id uuid not null constraint enrol_code_station_id_fkey references station,
    secret_hash text not null,
    made_by text not null,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    wrong_guesses integer not null default 0,
    -- A younger code of the station took its place.
    void_at timestamptz,
    used_at timestamptz,
    -- Of the key that the machine made for itself: it may ask again, and is answered the same.
    key_hash bytea,
    constraint enrol_code_used_check check ((used_at is null) = (key_hash is null))
);
create index enrol_code_station_id_idx on enrol_code (station_id);

grant select, insert, update on enrol_code to jigline_app;
