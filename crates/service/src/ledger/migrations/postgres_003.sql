-- A request that waits and names no tenant, as after a restored database, is let into the one that an admin names.

ALTER TABLE enrollment_wait ADD COLUMN answer_tenant TEXT;
CREATE INDEX enrollment_wait_by_time ON enrollment_wait (first_asked);
