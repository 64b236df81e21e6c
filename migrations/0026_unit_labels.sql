-- When a batch's labels are printed: domain::labelling::LabelMode.
alter table batch add column label_mode text not null default 'none'
    constraint batch_label_mode_check check (label_mode in ('none', 'after_pass'));

-- What a station says of the label of a unit that passed there. Prints and reprints only grow, and a match stands.
create table unit_label (
    serial text not null,
    station_id uuid not null constraint unit_label_station_id_fkey references station,
    run_id uuid not null,
    batch_id uuid not null constraint unit_label_batch_id_fkey references batch,
    template text not null,
    due_at timestamptz not null,
    prints integer not null,
    -- domain::labelling::Reprint, a list.
    reprints jsonb not null constraint unit_label_reprints_check check (jsonb_typeof(reprints) = 'array'),
    -- domain::labelling::LabelMatch; null: the unit is unlabelled.
    matched jsonb constraint unit_label_matched_check check (jsonb_typeof(matched) = 'object'),
    heard_at timestamptz not null,
    constraint unit_label_pkey primary key (serial, station_id)
);
create index unit_label_station_id_idx on unit_label (station_id);
create index unit_label_batch_id_idx on unit_label (batch_id);
grant select, insert, update on unit_label to jigline_app;
