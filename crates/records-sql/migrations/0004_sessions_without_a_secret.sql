-- Requests from other sites are told by what the browser says of them; no secret of the session is compared.
ALTER TABLE session DROP COLUMN csrf;
