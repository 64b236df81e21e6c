-- Templates of labels: part of a bundle, as what is written to its boards.
alter table source_file drop constraint source_file_kind_check;
alter table source_file add constraint source_file_kind_check check (kind in ('model', 'profile', 'procedure', 'label'));
alter table bundle add column label_sha256 text constraint bundle_label_sha256_fkey references source_file;
