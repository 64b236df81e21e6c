-- A step in which a person is asked.
insert into step_name (step_no, name) values (23, 'prompt');

-- What a batch's order says of the parameters that its profile leaves to it: name -> number in the parameter's unit.
alter table batch add column order_values jsonb not null default '{}'
    constraint batch_order_values_check check (jsonb_typeof(order_values) = 'object');
