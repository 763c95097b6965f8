-- The default collation, BINARY, tells IDs apart by every byte and sorts them by bytes.
CREATE TABLE {prefix}authorizations (
	id          TEXT    NOT NULL PRIMARY KEY,
	version     INTEGER NOT NULL,
	client_id   TEXT    NOT NULL,
	subject     TEXT    NOT NULL,
	sweep_after INTEGER NOT NULL, -- milliseconds since 1970
	document    TEXT    NOT NULL  -- JSON, without the version
);

-- The ID follows so that a listing is read in its order, a page at a time.
CREATE INDEX {prefix}authorizations_client_id ON {prefix}authorizations (client_id, id);

CREATE INDEX {prefix}authorizations_subject ON {prefix}authorizations (subject, id);

CREATE INDEX {prefix}authorizations_sweep_after ON {prefix}authorizations (sweep_after);

CREATE TABLE {prefix}clients (
	id       TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL -- JSON in the member names of RFC 7591
);
