-- How long a reference is good for: its values are to be confirmed by a day, and contacts wear. Of those registered before nobody set an end.
alter table reference_board
    add column due date,
    add column most_uses integer,
    add constraint reference_board_most_uses_check check (most_uses > 0);

-- Quality found its values to be what they must. What is null stays as it was.
create table reference_confirmation (
    reference_confirmation_id uuid constraint reference_confirmation_pkey primary key,
    reference_id uuid not null constraint reference_confirmation_reference_id_fkey references reference_board,
    due date,
    most_uses integer constraint reference_confirmation_most_uses_check check (most_uses > 0),
    reason text not null constraint reference_confirmation_reason_check check (reason <> ''),
    confirmed_by text not null,
    confirmed_at timestamptz not null,
    constraint reference_confirmation_says_check check (due is not null or most_uses is not null)
);
create index reference_confirmation_reference_idx on reference_confirmation (reference_id, confirmed_at desc);

-- What held at a moment. One place, since three questions ask it: stations, the page, and what a check was worth.
create function reference_due(reference uuid, at timestamptz) returns date language sql stable as $$
    select coalesce(
        (select due from reference_confirmation c
         where c.reference_id = reference and c.confirmed_at <= at and c.due is not null
         order by c.confirmed_at desc, c.reference_confirmation_id desc limit 1),
        (select due from reference_board b where b.reference_id = reference))
$$;
create function reference_most_uses(reference uuid, at timestamptz) returns integer language sql stable as $$
    select coalesce(
        (select most_uses from reference_confirmation c
         where c.reference_id = reference and c.confirmed_at <= at and c.most_uses is not null
         order by c.confirmed_at desc, c.reference_confirmation_id desc limit 1),
        (select most_uses from reference_board b where b.reference_id = reference))
$$;

create trigger reference_confirmation_append_only before update or delete on reference_confirmation
    for each row execute function refuse_change();
create trigger no_truncate before truncate on reference_confirmation for each statement execute function refuse_change();
grant select, insert on reference_confirmation to jigline_app;
