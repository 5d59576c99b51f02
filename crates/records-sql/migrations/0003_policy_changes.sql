-- Change control of the filter policy; endorsement of requests; reviews.
CREATE TABLE policy_change (
    id TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL UNIQUE, at BIGINT NOT NULL, by_person TEXT, kind TEXT NOT NULL,
    state TEXT NOT NULL, origin TEXT NOT NULL, effect TEXT NOT NULL, pack BIGINT, opened TEXT, until_at BIGINT,
    review_at BIGINT, decided_at BIGINT, decided_by TEXT, body {BYTES} NOT NULL
);
CREATE TABLE change_entry (
    id TEXT NOT NULL PRIMARY KEY, change_id TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, by_person TEXT,
    kind TEXT NOT NULL, body {BYTES} NOT NULL, UNIQUE (change_id, seq)
);
ALTER TABLE override_entry ADD COLUMN reviewed_at BIGINT;
ALTER TABLE override_entry ADD COLUMN reviewed_by TEXT;
ALTER TABLE site_request ADD COLUMN categories {BYTES};
ALTER TABLE site_request ADD COLUMN endorsed_by TEXT;
ALTER TABLE site_request ADD COLUMN endorsed_at BIGINT;
ALTER TABLE site_request ADD COLUMN endorsement {BYTES};
ALTER TABLE site_request ADD COLUMN relied_on {BYTES};
