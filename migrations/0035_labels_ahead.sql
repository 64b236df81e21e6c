-- Labels may be printed before their boards are worked.
alter table batch drop constraint batch_label_mode_check;
alter table batch add constraint batch_label_mode_check check (label_mode in ('none', 'before', 'after_pass'));
