-- Which version of its stock level an availability is of: what comes late does not overwrite what is newer.

ALTER TABLE availability ADD COLUMN version {int} NOT NULL DEFAULT 0;
