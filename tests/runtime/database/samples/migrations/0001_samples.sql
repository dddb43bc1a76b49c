-- The table of the samples: see ../__init__.py.

CREATE TABLE things (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    label {key:80} NOT NULL,
    number {int},
    words {text},
    body {bytes},
    version {int} NOT NULL,
    amount {int} NOT NULL,
    PRIMARY KEY (id, store),
    CONSTRAINT amount_not_negative CHECK (amount >= 0)
) {compact};
