-- The tables of stores: see ../storage.py.

CREATE TABLE api_keys (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    name {text} NOT NULL,
    secret_hash {key:64} NOT NULL,
    created_at {int} NOT NULL,
    revoked_at {int},
    PRIMARY KEY (id, store)
) {compact};

CREATE UNIQUE INDEX api_keys_by_secret ON api_keys (secret_hash);

CREATE TABLE hosts (
    host {key:253} NOT NULL,
    store {key:48} NOT NULL,
    PRIMARY KEY (host, store)
) {compact};

CREATE UNIQUE INDEX hosts_by_name ON hosts (host);

CREATE TABLE stores (
    store {key:48} NOT NULL,
    handle {key:63} NOT NULL,
    name {text} NOT NULL,
    hosts {text} NOT NULL,
    currency {key:3} NOT NULL,
    time_zone {text} NOT NULL,
    cart_access {key:16} NOT NULL,
    mail_from {text} NOT NULL,
    url {text} NOT NULL,
    opened_at {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (store)
) {compact};

CREATE INDEX stores_by_age ON stores (opened_at, store);

CREATE UNIQUE INDEX stores_by_handle ON stores (handle);
