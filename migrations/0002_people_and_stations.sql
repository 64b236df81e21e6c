create table account (
    account_id uuid constraint account_pkey primary key,
    username text not null constraint account_username_key unique,
    role text not null
        constraint account_role_check check (role in ('operator', 'engineer', 'quality', 'sales', 'admin')),
    -- Argon2id, PHC text.
    password_hash text not null,
    created_at timestamptz not null
);

-- Tokens are shown once; only their SHA-256 is kept.
create table session (
    token_hash bytea constraint session_pkey primary key,
    account_id uuid not null constraint session_account_id_fkey references account,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

create table api_token (
    token_hash bytea constraint api_token_pkey primary key,
    account_id uuid not null constraint api_token_account_id_fkey references account,
    label text not null,
    created_at timestamptz not null,
    revoked_at timestamptz
);

create table station (
    station_id uuid constraint station_pkey primary key,
    name text not null constraint station_name_key unique,
    slots integer not null constraint station_slots_check check (slots between 1 and 1000),
    simulated boolean not null,
    key_hash bytea not null constraint station_key_hash_key unique,
    enrolled_at timestamptz not null
);

-- Projection: what a station has sent. One row a station, changed only by the station's own records.
create table station_count (
    station_id uuid constraint station_count_pkey primary key
        constraint station_count_station_id_fkey references station,
    records bigint not null default 0,
    quarantined bigint not null default 0,
    last_record_at timestamptz
);

-- The last live message; lost with a crash, and a second later there is another.
create unlogged table station_live (
    station_id uuid constraint station_live_pkey primary key,
    received_at timestamptz not null,
    live jsonb not null
);

-- Who did what. Each writer (an account, a station, the service) has a chain of its own, so that none waits for another:
-- hash = SHA-256(previous hash || writer || at || action || subject || detail).
create table audit (
    audit_id bigint generated always as identity constraint audit_pkey primary key,
    writer text not null,
    at timestamptz not null,
    action text not null,
    subject text not null,
    detail jsonb not null,
    previous_hash bytea not null,
    hash bytea not null,
    constraint audit_writer_previous_hash_key unique (writer, previous_hash)
);
create trigger audit_append_only before update or delete on audit
    for each row execute function refuse_change();
