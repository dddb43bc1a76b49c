-- The tables of users: see ../storage.py.

CREATE TABLE asks (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    account_key {key:64} NOT NULL,
    kind {key:16} NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX asks_by_account ON asks (account_key, store, kind, at);

CREATE INDEX asks_by_age ON asks (at);

CREATE TABLE attempts (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    account {text} NOT NULL,
    account_key {key:64} NOT NULL,
    outcome {key:20} NOT NULL,
    peer {text} NOT NULL,
    agent {text} NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX attempts_by_account ON attempts (account_key, store, at);

CREATE INDEX attempts_by_age ON attempts (at);

CREATE INDEX attempts_by_store ON attempts (store, id);

CREATE TABLE sessions (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    user_id {key:48} NOT NULL,
    token_hash {key:64} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);

CREATE INDEX sessions_by_user ON sessions (user_id, store);

CREATE TABLE tokens (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    user_id {key:48} NOT NULL,
    purpose {key:16} NOT NULL,
    secret_hash {key:64},
    name {text} NOT NULL,
    password_hash {text} NOT NULL,
    asked_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE INDEX tokens_by_secret ON tokens (secret_hash, store);

CREATE INDEX tokens_by_user ON tokens (user_id, store);

CREATE TABLE users (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    email_key {key:64} NOT NULL,
    email {text} NOT NULL,
    name {text} NOT NULL,
    phone {text} NOT NULL,
    password_hash {text} NOT NULL,
    verified {int} NOT NULL,
    created_at {int} NOT NULL,
    erased_at {int},
    version {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE UNIQUE INDEX users_by_email ON users (email_key, store);
