-- What followed attempts, audits signed, notes of supervision: added, never changed.
CREATE TABLE journal (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, part_of TEXT NOT NULL, about TEXT NOT NULL, at BIGINT NOT NULL,
    by_person TEXT, body {BYTES} NOT NULL
);
CREATE INDEX journal_kind ON journal (kind, at);
