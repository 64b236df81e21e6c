-- A run that the fixture spoilt is out of the yield and counted as lost time. Every row there is obeys the wider rule: nothing need be
-- looked at again.
alter table run drop constraint run_outcome_check;
alter table run add constraint run_outcome_check
    check (outcome in ('pass', 'fail', 'error', 'aborted', 'interrupted', 'collateral_abort')) not valid;

alter table day_count
    add column collateral_abort integer not null default 0,
    -- From start to end of the runs that the fixture spoilt.
    add column lost_ms bigint not null default 0;

-- Readings of the unit's latest run that passed beyond their marginal limits.
alter table unit add column marginal smallint not null default 0;
