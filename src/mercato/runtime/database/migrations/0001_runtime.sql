-- The runtime's tables: see ../tables.py.

CREATE TABLE documents (
    collection {key:80} NOT NULL,
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    version {int} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (collection, id, store)
);

CREATE TABLE idempotency (
    scope {key:120} NOT NULL,
    client_key {key:255} NOT NULL,
    store {key:48} NOT NULL,
    fingerprint {key:64} NOT NULL,
    subject {key:48},
    status {int},
    body {bytes},
    created_at {int} NOT NULL,
    PRIMARY KEY (scope, client_key, store)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE UNIQUE INDEX idempotency_by_subject ON idempotency (subject, store);

CREATE TABLE intents (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    kind {key:80} NOT NULL,
    subject {key:48} NOT NULL,
    state {key:16} NOT NULL,
    attempts {int} NOT NULL,
    due_at {int},
    holder {key:48} NOT NULL,
    fence {int} NOT NULL,
    body {bytes} NOT NULL,
    error {text} NOT NULL,
    correlation {text} NOT NULL,
    PRIMARY KEY (id, store)
);

CREATE INDEX intents_by_due ON intents (due_at);

CREATE TABLE jobs (
    name {key:120} NOT NULL,
    due_at {int} NOT NULL,
    last_at {int} NOT NULL,
    last_error {text} NOT NULL,
    PRIMARY KEY (name)
) {compact};

CREATE TABLE leases (
    name {key:120} NOT NULL,
    holder {key:48} NOT NULL,
    fence {int} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (name)
) {compact};

CREATE TABLE outbox (
    number {int} NOT NULL,
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    type {key:80} NOT NULL,
    version {int} NOT NULL,
    aggregate {key:48} NOT NULL,
    aggregate_version {int} NOT NULL,
    at {int} NOT NULL,
    correlation {text} NOT NULL,
    cause {text} NOT NULL,
    body {bytes} NOT NULL,
    PRIMARY KEY (number)
);

CREATE TABLE parked (
    source {key:48} NOT NULL,
    number {int} NOT NULL,
    store {key:48} NOT NULL,
    aggregate {key:48} NOT NULL,
    attempts {int} NOT NULL,
    due_at {int},
    error {text} NOT NULL,
    envelope {bytes} NOT NULL,
    PRIMARY KEY (source, number)
);

CREATE TABLE positions (
    source {key:48} NOT NULL,
    part {int} NOT NULL,
    number {int} NOT NULL,
    PRIMARY KEY (source, part)
) {compact};
