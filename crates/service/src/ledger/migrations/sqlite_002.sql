-- Devices. Hashes of hardware are hashed again with the service's own key, so that a stolen table cannot be searched.

CREATE TABLE device (
    id                TEXT PRIMARY KEY,
    tenant            TEXT NOT NULL,
    product           TEXT NOT NULL,
    key               TEXT NOT NULL UNIQUE,  -- the thumbprint (RFC 7638)
    public_key        TEXT NOT NULL,         -- the JWK (RFC 7517)
    token             TEXT,
    enrolled          INTEGER NOT NULL,
    confirmed         INTEGER NOT NULL DEFAULT 0,
    last_seen         INTEGER,
    retired           INTEGER,
    offline           INTEGER NOT NULL DEFAULT 0,
    generation        INTEGER NOT NULL,
    generation_before INTEGER NOT NULL,
    fingerprint       TEXT NOT NULL,
    host_name         TEXT NOT NULL,
    os                TEXT NOT NULL,
    agent             TEXT NOT NULL,
    command           TEXT                   -- what the next check-in tells it
) STRICT;
CREATE INDEX device_by_tenant ON device (tenant, enrolled);

CREATE TABLE device_part (
    part   TEXT NOT NULL,                    -- kind and hash
    device TEXT NOT NULL,
    PRIMARY KEY (part, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE part_turn (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    part   TEXT NOT NULL,
    device TEXT NOT NULL,                    -- which device has shown it, when it was another one before
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX part_turn_by_part ON part_turn (part, id);

CREATE TABLE enrollment_wait (
    key         TEXT PRIMARY KEY,
    tenant      TEXT,
    product     TEXT NOT NULL,
    first_asked INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    candidate   TEXT,
    equal       TEXT NOT NULL,
    differing   TEXT NOT NULL,
    host_name   TEXT NOT NULL,
    os          TEXT NOT NULL,
    answer      TEXT,
    answer_id   TEXT
) STRICT;

CREATE TABLE listed_serial (
    tenant TEXT NOT NULL,
    hash   TEXT NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE device_event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    device TEXT NOT NULL,
    event  TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX device_event_by_device ON device_event (device, id);

CREATE TABLE device_record (
    device TEXT NOT NULL,
    class  TEXT NOT NULL,
    epoch  TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (device, class, epoch, seq)
) STRICT, WITHOUT ROWID;
