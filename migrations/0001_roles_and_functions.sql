-- The application's role owns nothing: whoever migrates owns the tables, the service works as jigline_app.
-- Roles belong to the whole cluster, so two databases may make it at the same moment.
do $$
begin
    if not exists (select from pg_roles where rolname = 'jigline_app') then
        create role jigline_app nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
    if not pg_has_role(current_user, 'jigline_app', 'member') then
        execute format('grant jigline_app to %I', current_user);
    end if;
end
$$;

create extension if not exists pg_trgm;

-- Facts are never changed: whoever tries is told so, the owner included.
create function refuse_change() returns trigger
    language plpgsql as $$
begin
    raise exception '% is append-only: % is refused; write a new row that corrects it', tg_table_name, tg_op
        using errcode = 'restrict_violation';
end
$$;

-- The smallest UUIDv7 of an instant: where a partition begins.
create function uuid_v7_floor(instant timestamptz) returns uuid
    language sql immutable strict parallel safe as $$
    select (lpad(to_hex(floor(extract(epoch from instant) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- Thousandths: measured values come from registers and repeat, and an index of whole numbers folds equal keys.
create function thousandths(value real) returns bigint
    language sql immutable strict parallel safe as $$
    select round(value::double precision * 1000)::bigint
$$;
