-- Models, profiles and procedures: the files' exact texts, by id and revision.
create table source_file (
    sha256 text constraint source_file_pkey primary key,
    kind text not null constraint source_file_kind_check check (kind in ('model', 'profile', 'procedure')),
    id text not null,
    revision integer not null,
    content text not null,
    imported_at timestamptz not null,
    constraint source_file_kind_id_revision_key unique (kind, id, revision)
);

create table firmware_image (
    sha256 text constraint firmware_image_pkey primary key,
    content bytea not null,
    uploaded_at timestamptz not null
);

create table bundle (
    -- A short number of our own: runs point here, the hash is 64 characters.
    bundle_id integer generated always as identity constraint bundle_pkey primary key,
    hash text not null constraint bundle_hash_key unique,
    label text not null,
    firmware_version text not null,
    -- Canonical JSON: its SHA-256 is the hash.
    manifest text not null,
    model_sha256 text not null constraint bundle_model_sha256_fkey references source_file,
    profile_sha256 text not null constraint bundle_profile_sha256_fkey references source_file,
    procedure_sha256 text not null constraint bundle_procedure_sha256_fkey references source_file,
    image_sha256 text not null constraint bundle_image_sha256_fkey references firmware_image,
    simulator_only boolean not null,
    submitted_by text not null,
    submitted_at timestamptz not null
);

-- A release is a second person's act; the database holds it to that.
create table bundle_release (
    bundle_id integer constraint bundle_release_pkey primary key
        constraint bundle_release_bundle_id_fkey references bundle,
    -- The signed text and the Ed25519 signature over it.
    release text not null,
    signature text not null,
    submitted_by text not null,
    approved_by text not null,
    approved_at timestamptz not null,
    constraint bundle_release_two_people_check check (submitted_by <> approved_by)
);

create table batch (
    batch_id uuid constraint batch_pkey primary key,
    name text not null constraint batch_name_key unique,
    customer text not null,
    bundle_id integer not null constraint batch_bundle_id_fkey references bundle_release,
    quantity integer not null constraint batch_quantity_check check (quantity > 0),
    created_by text not null,
    created_at timestamptz not null
);
create index batch_created_at_idx on batch (created_at desc, batch_id desc);

create table assignment (
    station_id uuid constraint assignment_pkey primary key
        constraint assignment_station_id_fkey references station,
    batch_id uuid constraint assignment_batch_id_fkey references batch,
    assigned_by text not null,
    assigned_at timestamptz not null,
    -- Who works at the jig; where nobody was named, whoever assigned.
    operator text
);

-- The next sequence number behind one rendered prefix: numbers are unique for ever, whatever the batch.
create table serial_sequence (
    prefix text constraint serial_sequence_pkey primary key,
    next bigint not null
);

create table serial_block (
    serial_block_id uuid constraint serial_block_pkey primary key,
    batch_id uuid not null constraint serial_block_batch_id_fkey references batch,
    station_id uuid not null constraint serial_block_station_id_fkey references station,
    lent_at timestamptz not null
);

do $$
declare name text;
begin
    foreach name in array array['source_file', 'firmware_image', 'bundle', 'bundle_release', 'serial_block'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
            name || '_append_only', name);
    end loop;
end
$$;
