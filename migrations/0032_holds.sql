-- What a batch asks of the jigs beyond its boards: domain::floor::FloorRules.
alter table batch add column first_article smallint not null default 0
    constraint batch_first_article_check check (first_article between 0 and 5);
alter table batch add column stop_after smallint not null default 0
    constraint batch_stop_after_check check (stop_after between 0 and 20);
alter table batch add column wants_references boolean not null default false;

-- While a hold has no end, no jig begins a board of the batch.
create table batch_hold (
    batch_id uuid not null constraint batch_hold_batch_id_fkey references batch,
    -- The batch's first hold is 1. A hold begun twice at the same moment is refused by the key.
    place integer not null constraint batch_hold_place_check check (place > 0),
    reason text not null constraint batch_hold_reason_check check (reason <> ''),
    held_by text not null,
    held_at timestamptz not null,
    constraint batch_hold_pkey primary key (batch_id, place)
);

create table batch_hold_end (
    batch_id uuid not null,
    place integer not null,
    reason text not null constraint batch_hold_end_reason_check check (reason <> ''),
    ended_by text not null,
    ended_at timestamptz not null,
    constraint batch_hold_end_pkey primary key (batch_id, place),
    constraint batch_hold_end_hold_fkey foreign key (batch_id, place) references batch_hold
);

do $$
declare name text;
begin
    foreach name in array array['batch_hold', 'batch_hold_end'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
            name || '_append_only', name);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function refuse_change()', name);
    end loop;
end
$$;
grant select, insert on batch_hold, batch_hold_end to jigline_app;
