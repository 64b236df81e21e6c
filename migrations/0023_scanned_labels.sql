-- The form of the labels that a batch's boards bring, each its unit's number: domain::label::LabelForm; null: numbers are lent.
alter table batch add column labels jsonb constraint batch_labels_check check (jsonb_typeof(labels) = 'object');

-- A number that was scanned from a label is in no block: it names its batch itself, and is on its board from the first that is heard of it.
alter table serial_number alter column serial_block_id drop not null;
alter table serial_number alter column position drop not null;
alter table serial_number add column batch_id uuid constraint serial_number_batch_id_fkey references batch;
alter table serial_number add constraint serial_number_source_check check (
    case when batch_id is null then serial_block_id is not null and position is not null
         else serial_block_id is null and position is null and unit_id is not null and freed_at is null end);
create index serial_number_batch_id_idx on serial_number (batch_id) where batch_id is not null;
