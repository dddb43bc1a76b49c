-- The tables of users: see ../storage.py.

CREATE TABLE asks (
    store {key:48} NOT NULL,
    id {key:48} NOT NULL,
    account_key {key:64} NOT NULL,
    kind {key:16} NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (store, id)
) {compact};

CREATE INDEX asks_by_account ON asks (store, account_key, kind, at);

CREATE INDEX asks_by_age ON asks (at);

CREATE TABLE attempts (
    store {key:48} NOT NULL,
    id {key:48} NOT NULL,
    account {text} NOT NULL,
    account_key {key:64} NOT NULL,
    outcome {key:20} NOT NULL,
    peer {text} NOT NULL,
    agent {text} NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (store, id)
) {compact};

CREATE INDEX attempts_by_account ON attempts (store, account_key, at);

CREATE INDEX attempts_by_age ON attempts (at);

CREATE TABLE sessions (
    store {key:48} NOT NULL,
    id {key:48} NOT NULL,
    user_id {key:48} NOT NULL,
    token_hash {key:64} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (store, id)
) {compact};

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);

CREATE INDEX sessions_by_user ON sessions (store, user_id);

CREATE TABLE tokens (
    store {key:48} NOT NULL,
    id {key:48} NOT NULL,
    user_id {key:48} NOT NULL,
    purpose {key:16} NOT NULL,
    secret_hash {key:64},
    name {text} NOT NULL,
    password_hash {text} NOT NULL,
    asked_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (store, id)
) {compact};

CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE INDEX tokens_by_secret ON tokens (store, secret_hash);

CREATE INDEX tokens_by_user ON tokens (store, user_id);

CREATE TABLE users (
    store {key:48} NOT NULL,
    id {key:48} NOT NULL,
    email_key {key:64} NOT NULL,
    email {text} NOT NULL,
    name {text} NOT NULL,
    phone {text} NOT NULL,
    password_hash {text} NOT NULL,
    verified {int} NOT NULL,
    created_at {int} NOT NULL,
    erased_at {int},
    version {int} NOT NULL,
    PRIMARY KEY (store, id)
) {compact};

CREATE UNIQUE INDEX users_by_email ON users (store, email_key);
