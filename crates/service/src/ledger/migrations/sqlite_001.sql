-- Times are seconds since 1970-01-01 UTC. Digests are SHA-256, 32 bytes.

CREATE TABLE api_key (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    hash      BLOB NOT NULL,             -- of the whole key
    scopes    TEXT NOT NULL,
    tenant    TEXT,                      -- the only one that it may see
    created   INTEGER NOT NULL,
    expires   INTEGER,
    revoked   INTEGER
) STRICT;

CREATE TABLE token (
    id          TEXT PRIMARY KEY,        -- its jti, or its fingerprint if it is opaque
    origin      TEXT NOT NULL,           -- minted here, or seen in a request
    tenant      TEXT,
    product     TEXT,
    serial      TEXT,
    issuer_key  TEXT,
    fingerprint TEXT NOT NULL,
    created     INTEGER NOT NULL,
    expires     INTEGER,
    uses        INTEGER,                 -- devices that may use it
    used        INTEGER NOT NULL DEFAULT 0,
    revoked     INTEGER,
    by_key      TEXT NOT NULL,
    sealed      BLOB                     -- the token, encrypted, as long as it can be used
) STRICT;
CREATE INDEX token_by_tenant ON token (tenant, created);
CREATE INDEX token_by_time ON token (created);

CREATE TABLE token_use (
    token  TEXT NOT NULL,
    device TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (token, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
    id          TEXT PRIMARY KEY,
    secret_hash BLOB NOT NULL UNIQUE,
    tenant      TEXT,
    token       TEXT NOT NULL,
    base        BLOB NOT NULL,
    product     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    arch        TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    size        INTEGER NOT NULL,
    etag        TEXT NOT NULL,
    uses        INTEGER NOT NULL,
    uses_left   INTEGER NOT NULL,
    given_back  INTEGER NOT NULL DEFAULT 0,
    created     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    revoked     INTEGER,
    by_key      TEXT NOT NULL,
    sealed      BLOB                     -- the token, encrypted, as long as the link can be used
) STRICT;
CREATE INDEX link_by_token ON link (token);
CREATE INDEX link_by_time ON link (created);

CREATE TABLE stamp (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    by_key      TEXT NOT NULL,
    tenant      TEXT,
    token       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    base        BLOB NOT NULL,
    product     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    arch        TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    size        INTEGER NOT NULL,
    etag        TEXT NOT NULL,           -- names the splice: the same for the same bytes of the same base
    link        TEXT,
    outcome     TEXT NOT NULL,
    bytes       INTEGER NOT NULL DEFAULT 0,
    ended       INTEGER
) STRICT;
CREATE INDEX stamp_by_token ON stamp (token, id);
CREATE INDEX stamp_by_tenant ON stamp (tenant, id);
CREATE INDEX stamp_by_link ON stamp (link, id);
CREATE INDEX stamp_by_time ON stamp (at);

CREATE TABLE session (
    hash    BLOB PRIMARY KEY,            -- of the cookie's value
    link    TEXT NOT NULL,
    stamp   INTEGER NOT NULL UNIQUE,
    etag    TEXT NOT NULL,
    expires INTEGER NOT NULL,
    running INTEGER NOT NULL DEFAULT 0,  -- responses that have begun and not ended
    reached INTEGER NOT NULL DEFAULT 0   -- the end of what has been sent
) STRICT;
CREATE INDEX session_by_link ON session (link);
CREATE INDEX session_by_time ON session (expires);

CREATE TABLE page_session (
    hash    BLOB PRIMARY KEY,
    api_key TEXT NOT NULL,
    opened  INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

CREATE TABLE once (
    by_key   TEXT NOT NULL,
    name     TEXT NOT NULL,
    request  BLOB NOT NULL,
    response BLOB NOT NULL,
    expires  INTEGER NOT NULL,
    PRIMARY KEY (by_key, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_by_time ON once (expires);
