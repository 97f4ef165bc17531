-- Times are milliseconds since the Unix epoch. Hashes are hexadecimal text. Released migrations are never edited.

CREATE TABLE apps (
    id              BIGINT  PRIMARY KEY NOT NULL,  -- the SDKAppID
    name            TEXT    NOT NULL UNIQUE,
    secret_key      TEXT    NOT NULL,              -- signs and verifies UserSigs: needed in the clear
    api_secret_hash TEXT    NOT NULL,              -- SHA-256 of the signing service's secret
    single_login    BOOLEAN NOT NULL,
    created_ms      BIGINT  NOT NULL,
    updated_ms      BIGINT  NOT NULL
);

-- Numbers of deleted apps: never given out again, or a new app would inherit the records of an old one.
CREATE TABLE retired_apps (
    id         BIGINT PRIMARY KEY NOT NULL,
    retired_ms BIGINT NOT NULL
);

-- One row. Raised with every change of an app, so that a server sees what a command in another process did.
CREATE TABLE revision (
    id     BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO revision (id, number) VALUES (1, 1);

-- No reference to apps: the calls of a deleted app end, and are written down, after it has gone.
CREATE TABLE calls (
    app         BIGINT NOT NULL,
    call_id     TEXT   NOT NULL,
    room        BIGINT NOT NULL,
    caller      TEXT   NOT NULL,
    media       TEXT   NOT NULL,
    started_ms  BIGINT NOT NULL,
    accepted_ms BIGINT,
    ended_ms    BIGINT NOT NULL,
    reason      TEXT   NOT NULL,
    PRIMARY KEY (app, call_id)
);
CREATE INDEX calls_by_time ON calls (app, started_ms);

CREATE TABLE call_callees (
    app      BIGINT NOT NULL,
    call_id  TEXT   NOT NULL,
    position BIGINT NOT NULL,
    callee   TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    PRIMARY KEY (app, call_id, position)
);

-- Who got a UserSig, when, through which door. Never the UserSig.
CREATE TABLE signatures (
    app        BIGINT NOT NULL,
    signed_for TEXT   NOT NULL,
    lifetime_s BIGINT NOT NULL,
    door       TEXT   NOT NULL,
    signed_ms  BIGINT NOT NULL
);
CREATE INDEX signatures_by_time ON signatures (app, signed_ms);
