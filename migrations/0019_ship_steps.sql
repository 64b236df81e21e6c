-- The state in which a board is shipped, and sleep.
insert into step_name (step_no, name) values (21, 'ship_state'), (22, 'sleep');
