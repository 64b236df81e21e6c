-- When an administrator freed or replaced the station last. What it was lent before, nobody has in hand any more: its fresh journal file
-- begins without numbers.
alter table station add column released_at timestamptz;
update station s set released_at = (select max(ended_at) from station_outbox o where o.station_id = s.station_id);
