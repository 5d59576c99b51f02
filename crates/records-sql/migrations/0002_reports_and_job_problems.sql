-- Reports frozen for good; why a job's last attempt failed.
CREATE TABLE report (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, from_on TEXT NOT NULL, to_on TEXT NOT NULL, figures TEXT NOT NULL,
    pdf {BYTES}, at BIGINT NOT NULL, by_person TEXT
);
ALTER TABLE outbox ADD COLUMN problem TEXT;
CREATE INDEX case_due ON case_file (due_at);
