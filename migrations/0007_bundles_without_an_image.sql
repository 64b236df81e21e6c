-- Boards of some models come with their firmware and take no other: their procedures send no image, and their bundles have none.
alter table bundle alter column image_sha256 drop not null;
