-- Times are seconds since 1970-01-01 UTC. Digests are SHA-256, 32 bytes.

CREATE TABLE api_key (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    hash      BYTEA NOT NULL,             -- of the whole key
    scopes    TEXT NOT NULL,
    tenant    TEXT,                      -- the only one that it may see
    created   BIGINT NOT NULL,
    expires   BIGINT,
    revoked   BIGINT
);

CREATE TABLE token (
    id          TEXT PRIMARY KEY,        -- its jti, or its fingerprint if it is opaque
    origin      TEXT NOT NULL,           -- minted here, or seen in a request
    tenant      TEXT,
    product     TEXT,
    serial      TEXT,
    issuer_key  TEXT,
    fingerprint TEXT NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT,
    uses        BIGINT,                 -- devices that may use it
    used        BIGINT NOT NULL DEFAULT 0,
    revoked     BIGINT,
    by_key      TEXT NOT NULL,
    sealed      BYTEA                     -- the token, encrypted, as long as it can be used
);
CREATE INDEX token_by_tenant ON token (tenant, created);
CREATE INDEX token_by_time ON token (created);

CREATE TABLE token_use (
    token  TEXT NOT NULL,
    device TEXT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (token, device)
);

CREATE TABLE link (
    id          TEXT PRIMARY KEY,
    secret_hash BYTEA NOT NULL UNIQUE,
    tenant      TEXT,
    token       TEXT NOT NULL,
    base        BYTEA NOT NULL,
    product     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    arch        TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    size        BIGINT NOT NULL,
    etag        TEXT NOT NULL,
    uses        BIGINT NOT NULL,
    uses_left   BIGINT NOT NULL,
    given_back  BIGINT NOT NULL DEFAULT 0,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    revoked     BIGINT,
    by_key      TEXT NOT NULL,
    sealed      BYTEA                     -- the token, encrypted, as long as the link can be used
);
CREATE INDEX link_by_token ON link (token);
CREATE INDEX link_by_time ON link (created);

CREATE TABLE stamp (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          BIGINT NOT NULL,
    by_key      TEXT NOT NULL,
    tenant      TEXT,
    token       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    base        BYTEA NOT NULL,
    product     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    arch        TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    size        BIGINT NOT NULL,
    etag        TEXT NOT NULL,           -- names the splice: the same for the same bytes of the same base
    link        TEXT,
    outcome     TEXT NOT NULL,
    bytes       BIGINT NOT NULL DEFAULT 0,
    ended       BIGINT
);
CREATE INDEX stamp_by_token ON stamp (token, id);
CREATE INDEX stamp_by_tenant ON stamp (tenant, id);
CREATE INDEX stamp_by_link ON stamp (link, id);
CREATE INDEX stamp_by_time ON stamp (at);

CREATE TABLE session (
    hash    BYTEA PRIMARY KEY,            -- of the cookie's value
    link    TEXT NOT NULL,
    stamp   BIGINT NOT NULL UNIQUE,
    etag    TEXT NOT NULL,
    expires BIGINT NOT NULL,
    running BIGINT NOT NULL DEFAULT 0,  -- responses that have begun and not ended
    reached BIGINT NOT NULL DEFAULT 0   -- the end of what has been sent
);
CREATE INDEX session_by_link ON session (link);
CREATE INDEX session_by_time ON session (expires);

CREATE TABLE page_session (
    hash    BYTEA PRIMARY KEY,
    api_key TEXT NOT NULL,
    opened  BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE once (
    by_key   TEXT NOT NULL,
    name     TEXT NOT NULL,
    request  BYTEA NOT NULL,
    response BYTEA NOT NULL,
    expires  BIGINT NOT NULL,
    PRIMARY KEY (by_key, name)
);
CREATE INDEX once_by_time ON once (expires);
