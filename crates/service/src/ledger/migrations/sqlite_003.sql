-- A request that waits and names no tenant, as after a restored database, is let into the one that an admin names.

ALTER TABLE enrollment_wait ADD COLUMN answer_tenant TEXT;
CREATE INDEX enrollment_wait_by_time ON enrollment_wait (first_asked);
CREATE INDEX enrollment_wait_by_tenant ON enrollment_wait (tenant);

-- What a device sends has an end: so many bytes a day, and each record for so many days after it came.
ALTER TABLE device ADD COLUMN record_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN record_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device_record ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
UPDATE device_record SET taken = at;
CREATE INDEX device_record_by_time ON device_record (taken);
CREATE INDEX part_turn_by_time ON part_turn (at);
