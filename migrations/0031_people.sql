-- Who works at jigs. How somebody signs in there is kept as hashes alone; stations keep copies of them for when the server is away.
alter table account add column shown_name text constraint account_shown_name_check check (shown_name <> '');
alter table account add column personnel_number text constraint account_personnel_number_key unique
    constraint account_personnel_number_check check (personnel_number <> '');
alter table account add column language text constraint account_language_check check (language in ('en', 'zh'));
-- Argon2id, PHC text, of one salt: the same code has the same hash.
alter table account add column badge_hash text constraint account_badge_hash_key unique;
-- Argon2id, PHC text, each with a salt of its own.
alter table account add column pin_hash text;
-- Quality lets him judge first articles and let stopped slots go on. Who, when and why stands in the audit.
alter table account add column lead boolean not null default false;

-- The salt of all badges of this installation, drawn once.
create table badge_salt (
    one boolean constraint badge_salt_pkey primary key default true constraint badge_salt_one_check check (one),
    salt bytea not null
);
create trigger badge_salt_append_only before update or delete on badge_salt for each row execute function refuse_change();
create trigger no_truncate before truncate on badge_salt for each statement execute function refuse_change();
grant select, insert on badge_salt to jigline_app;
