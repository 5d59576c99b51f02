-- {BYTES} stands for the engine's type of bytes. Times are microseconds since 1970 (UTC).
-- Columns of bytes hold sealed values unless said otherwise.
CREATE TABLE ledger (
    seq BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL, prev {BYTES} NOT NULL, hash {BYTES} NOT NULL
);
-- One row: the end of the chain with its keyed mark.
CREATE TABLE ledger_head (id BIGINT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, hash {BYTES} NOT NULL, mark {BYTES} NOT NULL);
INSERT INTO ledger_head (id, seq, hash, mark) VALUES (1, 0, {EMPTY}, {EMPTY});
CREATE TABLE lookup (
    id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, by_person TEXT, act TEXT NOT NULL, subject TEXT NOT NULL,
    about TEXT, reason {BYTES}
);
CREATE INDEX lookup_at ON lookup (at);

CREATE TABLE person (
    id TEXT NOT NULL PRIMARY KEY, source_id TEXT NOT NULL UNIQUE, username TEXT NOT NULL, given_name TEXT NOT NULL,
    family_name TEXT NOT NULL, email {BYTES}, roles TEXT NOT NULL, year TEXT, house TEXT, classes TEXT NOT NULL,
    guardians TEXT NOT NULL, left_on TEXT
);
CREATE INDEX person_username ON person (username);
CREATE TABLE class (
    id TEXT NOT NULL PRIMARY KEY, source_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, year TEXT, is_form BIGINT NOT NULL
);
CREATE TABLE credential (
    person TEXT NOT NULL PRIMARY KEY, password_hash {BYTES} NOT NULL, password_at BIGINT NOT NULL,
    must_change BIGINT NOT NULL, totp_secret {BYTES}, totp_step BIGINT NOT NULL
);
CREATE TABLE session (
    token TEXT NOT NULL PRIMARY KEY, person TEXT NOT NULL, since BIGINT NOT NULL, last_used BIGINT NOT NULL,
    until_at BIGINT NOT NULL, second_factor BIGINT NOT NULL, csrf {BYTES} NOT NULL, device TEXT NOT NULL
);
CREATE INDEX session_person ON session (person);
CREATE TABLE failure (key TEXT NOT NULL PRIMARY KEY, failures BIGINT NOT NULL, since BIGINT NOT NULL, last_at BIGINT NOT NULL);

CREATE TABLE pack (
    number BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, by_person TEXT, why TEXT NOT NULL, assessment {BYTES},
    replay TEXT, digest TEXT NOT NULL, state TEXT NOT NULL, decided_by TEXT, decided_at BIGINT, files {BYTES} NOT NULL
);
CREATE TABLE alert (
    id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, last_at BIGINT NOT NULL, seen BIGINT NOT NULL, rule TEXT NOT NULL,
    rule_version TEXT NOT NULL, rank BIGINT NOT NULL, about TEXT, about_kind TEXT, assigned TEXT NOT NULL, key TEXT NOT NULL,
    state TEXT NOT NULL, acknowledged_by TEXT, acknowledged_at BIGINT, chase_at BIGINT, chased BIGINT NOT NULL,
    closed_at BIGINT, case_id TEXT, entries BIGINT NOT NULL, body {BYTES} NOT NULL
);
CREATE INDEX alert_key ON alert (key);
CREATE INDEX alert_state ON alert (state, rank);
CREATE TABLE alert_entry (
    alert TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, by_person TEXT, kind TEXT NOT NULL, body {BYTES} NOT NULL,
    PRIMARY KEY (alert, seq)
);
CREATE TABLE case_file (
    id TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL UNIQUE, opened_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
    closed_at BIGINT, kind TEXT NOT NULL, partition_name TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT,
    title {BYTES} NOT NULL, involved TEXT NOT NULL, conflicts TEXT NOT NULL, readers TEXT NOT NULL, raised_by TEXT,
    acknowledged_at BIGINT, owner TEXT, due_at BIGINT, rank BIGINT NOT NULL, from_alert TEXT, entries BIGINT NOT NULL
);
CREATE INDEX case_opened ON case_file (opened_at);
CREATE TABLE case_entry (
    id TEXT NOT NULL PRIMARY KEY, case_id TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, by_person TEXT,
    kind TEXT NOT NULL, body {BYTES} NOT NULL, UNIQUE (case_id, seq)
);
CREATE TABLE site_request (
    id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, by_person TEXT, address {BYTES} NOT NULL, purpose {BYTES} NOT NULL,
    class TEXT, wanted_until BIGINT, state TEXT NOT NULL, decided_by TEXT, decided_at BIGINT, decision {BYTES}
);
CREATE TABLE override_entry (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, body {BYTES} NOT NULL, from_at BIGINT NOT NULL, until_at BIGINT,
    review_at BIGINT, why {BYTES} NOT NULL, request TEXT, at BIGINT NOT NULL, by_person TEXT, ended_at BIGINT, ended_by TEXT
);
CREATE TABLE check_run (
    id TEXT NOT NULL PRIMARY KEY, from_at BIGINT NOT NULL, to_at BIGINT NOT NULL, passed BIGINT NOT NULL,
    failed BIGINT NOT NULL, results TEXT NOT NULL, by_person TEXT
);
CREATE TABLE standing (
    clause TEXT NOT NULL, at BIGINT NOT NULL, standing TEXT NOT NULL, figures TEXT NOT NULL, pack BIGINT NOT NULL,
    PRIMARY KEY (clause, at)
);
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY, value {BYTES} NOT NULL, at BIGINT NOT NULL, by_person TEXT
);
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, key TEXT, due_at BIGINT NOT NULL, queued_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL, leased_until BIGINT, done_at BIGINT, failed_at BIGINT, body {BYTES} NOT NULL
);
CREATE UNIQUE INDEX outbox_key ON outbox (key);
CREATE INDEX outbox_due ON outbox (due_at);
