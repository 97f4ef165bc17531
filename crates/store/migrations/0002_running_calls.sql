-- A call is written down when it is made. Until it ends its reason is 'running', and so is that of each callee who rings
-- or talks; ended_ms is then the time of the last writing.

-- Starts of servers that carry calls, or died with some. When one was last alive tells how long its calls lasted.
CREATE TABLE server_runs (
    id         BIGINT PRIMARY KEY NOT NULL,  -- drawn at random
    started_ms BIGINT NOT NULL,
    alive_ms   BIGINT NOT NULL
);

-- The start of a server that carries the call.
ALTER TABLE calls ADD COLUMN run BIGINT;

CREATE INDEX calls_running ON calls (run) WHERE reason = 'running';
