-- The tables of the notebook that tests keep: see ../__init__.py.

CREATE TABLE pages (
    name {key:48} NOT NULL,
    store {key:48} NOT NULL,
    amount {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (name, store),
    CONSTRAINT amount_not_negative CHECK (amount >= 0)
) {compact};

CREATE TABLE written_rows (
    name {key:48} NOT NULL,
    number {int} NOT NULL,
    store {key:48} NOT NULL,
    text {text} NOT NULL,
    PRIMARY KEY (name, number, store)
) {compact};

CREATE TABLE stamps (
    name {key:48} NOT NULL,
    number {int} NOT NULL,
    store {key:48} NOT NULL,
    amount {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (name, number, store)
) {compact};

CREATE TABLE totals (
    name {key:48} NOT NULL,
    store {key:48} NOT NULL,
    amount {int} NOT NULL,
    PRIMARY KEY (name, store)
) {compact};
