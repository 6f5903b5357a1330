-- Devices. Hashes of hardware are hashed again with the service's own key, so that a stolen table cannot be searched.

CREATE TABLE device (
    id                TEXT PRIMARY KEY,
    tenant            TEXT NOT NULL,
    product           TEXT NOT NULL,
    key               TEXT NOT NULL UNIQUE,  -- the thumbprint (RFC 7638)
    public_key        TEXT NOT NULL,         -- the JWK (RFC 7517)
    token             TEXT,
    enrolled          BIGINT NOT NULL,
    confirmed         BIGINT NOT NULL DEFAULT 0,
    last_seen         BIGINT,
    retired           BIGINT,
    offline           BIGINT NOT NULL DEFAULT 0,
    generation        BIGINT NOT NULL,
    generation_before BIGINT NOT NULL,
    fingerprint       TEXT NOT NULL,
    host_name         TEXT NOT NULL,
    os                TEXT NOT NULL,
    agent             TEXT NOT NULL,
    command           TEXT                   -- what the next check-in tells it
);
CREATE INDEX device_by_tenant ON device (tenant, enrolled);

CREATE TABLE device_part (
    part   TEXT NOT NULL,                    -- kind and hash
    device TEXT NOT NULL,
    PRIMARY KEY (part, device)
);

CREATE TABLE part_turn (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part   TEXT NOT NULL,
    device TEXT NOT NULL,                    -- which device has shown it, when it was another one before
    at     BIGINT NOT NULL
);
CREATE INDEX part_turn_by_part ON part_turn (part, id);

CREATE TABLE enrollment_wait (
    key         TEXT PRIMARY KEY,
    tenant      TEXT,
    product     TEXT NOT NULL,
    first_asked BIGINT NOT NULL,
    reason      TEXT NOT NULL,
    candidate   TEXT,
    equal       TEXT NOT NULL,
    differing   TEXT NOT NULL,
    host_name   TEXT NOT NULL,
    os          TEXT NOT NULL,
    answer      TEXT,
    answer_id   TEXT
);

CREATE TABLE listed_serial (
    tenant TEXT NOT NULL,
    hash   TEXT NOT NULL,
    PRIMARY KEY (tenant, hash)
);

CREATE TABLE device_event (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     BIGINT NOT NULL,
    device TEXT NOT NULL,
    event  TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX device_event_by_device ON device_event (device, id);

CREATE TABLE device_record (
    device TEXT NOT NULL,
    class  TEXT NOT NULL,
    epoch  TEXT NOT NULL,
    seq    BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (device, class, epoch, seq)
);
