-- The last number of a log that several processes write.

CREATE TABLE sequence (
    name {key:48} NOT NULL,
    number {int} NOT NULL,
    PRIMARY KEY (name)
) {compact};
