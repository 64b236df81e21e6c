-- How often the station said that it changed its journal file: a copy from before has counted less.
alter table station_outbox add column changes bigint not null default 0;
