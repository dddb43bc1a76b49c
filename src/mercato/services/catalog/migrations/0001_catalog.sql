-- The tables of catalog: see ../storage.py.

CREATE TABLE availability (
    variant_id {key:48} NOT NULL,
    location_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    available {int} NOT NULL,
    PRIMARY KEY (variant_id, location_id, store)
) {compact};

CREATE TABLE categories (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    parent_id {key:48},
    handle {key:255} NOT NULL,
    name {text} NOT NULL,
    path {key:600} NOT NULL,
    position {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE UNIQUE INDEX categories_by_handle ON categories (handle, store);

CREATE INDEX categories_by_path ON categories (path, store);

CREATE INDEX categories_by_store ON categories (store, position);

CREATE TABLE imported (
    handle {key:255} NOT NULL,
    store {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    fingerprint {key:64} NOT NULL,
    quantities {text} NOT NULL,
    PRIMARY KEY (handle, store)
) {compact};

CREATE TABLE imports (
    file {key:64} NOT NULL,
    store {key:48} NOT NULL,
    ordinal {int} NOT NULL,
    finished {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (file, store)
) {compact};

CREATE TABLE listing (
    category_id {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    title {key:120} NOT NULL,
    price {int} NOT NULL,
    PRIMARY KEY (category_id, product_id, store)
) {compact};

CREATE INDEX listing_by_price ON listing (category_id, store, price, product_id);

CREATE INDEX listing_by_product ON listing (product_id, store);

CREATE INDEX listing_by_title ON listing (category_id, store, title, product_id);

CREATE TABLE prices (
    product_id {key:48} NOT NULL,
    variant_id {key:48} NOT NULL,
    currency {key:3} NOT NULL,
    store {key:48} NOT NULL,
    amount {int} NOT NULL,
    compare_at {int},
    PRIMARY KEY (product_id, variant_id, currency, store)
) {compact};

CREATE TABLE products (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    handle {key:255} NOT NULL,
    title {text} NOT NULL,
    status {key:16} NOT NULL,
    currency {key:3} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    version {int} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (id, store)
);

CREATE UNIQUE INDEX products_by_handle ON products (handle, store);
