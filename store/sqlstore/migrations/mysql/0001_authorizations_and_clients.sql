-- Definitions cannot be taken back, so each can be repeated. VARBINARY tells IDs apart by every byte,
-- blanks at the end too, and sorts them by bytes. The ID follows in each index so that a listing is
-- read in its order, a page at a time.
CREATE TABLE IF NOT EXISTS {prefix}authorizations (
	id          VARBINARY(255)  NOT NULL PRIMARY KEY,
	version     BIGINT          NOT NULL,
	client_id   VARBINARY(2048) NOT NULL,
	subject     VARBINARY(2048) NOT NULL,
	sweep_after BIGINT          NOT NULL, -- milliseconds since 1970
	document    MEDIUMBLOB      NOT NULL, -- JSON, without the version
	INDEX {prefix}authorizations_client_id (client_id, id),
	INDEX {prefix}authorizations_subject (subject, id),
	INDEX {prefix}authorizations_sweep_after (sweep_after)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS {prefix}clients (
	id       VARBINARY(2048) NOT NULL PRIMARY KEY,
	document MEDIUMBLOB      NOT NULL, -- JSON in the member names of RFC 7591
	changes  BIGINT          NOT NULL DEFAULT 0
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
