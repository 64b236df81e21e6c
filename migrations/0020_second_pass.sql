-- A pass may be doubted for one thing and stay a pass: that its unit has another one in the operation, and nobody ordered the later.
alter table run drop constraint run_pass_has_no_fault_check;
alter table run add constraint run_pass_has_no_fault_check check (
    outcome <> 'pass'
    or (fault_code is null and unit_id is not null and serial is not null
        and (doubts is null or jsonb_array_length(doubts) = 1 and jsonb_exists(doubts -> 0, 'passed_already'))));
