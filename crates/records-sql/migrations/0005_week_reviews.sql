-- Who reviewed the logs of which week, what they found and what followed.
CREATE TABLE week_review (
    id TEXT NOT NULL PRIMARY KEY, week TEXT NOT NULL, at BIGINT NOT NULL, by_person TEXT, body {BYTES} NOT NULL
);
CREATE INDEX week_review_week ON week_review (week);
