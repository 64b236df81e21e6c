-- Boards that stay with the jigs to check them: a golden one must pass, a known-bad one must fail for its reason. Recognised by an identifier
-- that they show, never worked, in no count.
create table reference_board (
    reference_id uuid constraint reference_board_pkey primary key,
    kind text not null constraint reference_board_kind_check check (kind in ('golden', 'known_bad')),
    name text not null constraint reference_board_name_check check (name <> ''),
    identifier_kind text not null,
    identifier_value text not null constraint reference_board_value_check check (identifier_value <> ''),
    -- What it is there for; of a known-bad one: why it must fail.
    reason text not null constraint reference_board_reason_check check (reason <> ''),
    registered_by text not null,
    registered_at timestamptz not null
);
create index reference_board_identifier_idx on reference_board (identifier_kind, identifier_value);

-- From then on it is a board like any other.
create table reference_end (
    reference_id uuid constraint reference_end_pkey primary key
        constraint reference_end_reference_id_fkey references reference_board,
    reason text not null constraint reference_end_reason_check check (reason <> ''),
    ended_by text not null,
    ended_at timestamptz not null
);

do $$
declare name text;
begin
    foreach name in array array['reference_board', 'reference_end'] loop
        execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()',
            name || '_append_only', name);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function refuse_change()', name);
    end loop;
end
$$;
grant select, insert on reference_board, reference_end to jigline_app;
