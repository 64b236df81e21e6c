-- Steps that a procedure may put into the way of a board.
insert into step_name (step_no, name) values (17, 'wait'), (18, 'command'), (19, 'stimulate'), (20, 'expect');
