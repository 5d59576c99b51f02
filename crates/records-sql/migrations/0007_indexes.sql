-- What is read by its kind, newest first, and what belongs to one entry, without going through the rest.
CREATE INDEX override_entry_kind ON override_entry (kind, at, id);
CREATE INDEX journal_part_of ON journal (part_of);
-- What is noted once is looked for among its like, since a time.
CREATE INDEX ledger_act ON ledger (act, at);
