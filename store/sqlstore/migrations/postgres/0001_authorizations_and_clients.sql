-- bytea holds every string, whatever the encoding of the database, and sorts by its bytes, whatever
-- the collation. The document is never looked into, so it is no jsonb, which would rewrite it and
-- refuse the character U+0000.
--
-- A refresh changes version and document alone, which no index has. The room that is left in each
-- page lets the new row stay where the old one was, without a new entry in any index.
CREATE TABLE {prefix}authorizations (
	id          bytea  NOT NULL PRIMARY KEY,
	version     bigint NOT NULL,
	client_id   bytea  NOT NULL,
	subject     bytea  NOT NULL,
	sweep_after bigint NOT NULL, -- milliseconds since 1970
	document    bytea  NOT NULL  -- JSON, without the version
) WITH (fillfactor = 85);

-- The ID follows so that a listing is read in its order, a page at a time.
CREATE INDEX {prefix}authorizations_client_id ON {prefix}authorizations (client_id, id);

CREATE INDEX {prefix}authorizations_subject ON {prefix}authorizations (subject, id);

CREATE INDEX {prefix}authorizations_sweep_after ON {prefix}authorizations (sweep_after);

CREATE TABLE {prefix}clients (
	id       bytea NOT NULL PRIMARY KEY,
	document bytea NOT NULL -- JSON in the member names of RFC 7591
);
