-- The tables of search: see ../storage.py.

CREATE TABLE categories (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    parent_id {key:48},
    handle {key:255} NOT NULL,
    name {text} NOT NULL,
    position {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX categories_by_store ON categories (store);

CREATE TABLE entries (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    status {key:16} NOT NULL,
    currency {key:3} NOT NULL,
    version {int} NOT NULL,
    body {text} NOT NULL,
    price_from {int},
    price_to {int},
    compare_at {int},
    available {int} NOT NULL,
    changed {int} NOT NULL,
    PRIMARY KEY (id, store)
);

CREATE INDEX entries_by_change ON entries (changed, id);

CREATE TABLE marks (
    name {key:16} NOT NULL,
    number {int} NOT NULL,
    PRIMARY KEY (name)
) {compact};

CREATE TABLE no_results (
    typed {key:100} NOT NULL,
    store {key:48} NOT NULL,
    count {int} NOT NULL,
    last_at {int} NOT NULL,
    PRIMARY KEY (typed, store)
) {compact};

CREATE INDEX no_results_by_store ON no_results (store, last_at);

CREATE TABLE placed (
    category_id {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (category_id, product_id, store)
) {compact};

CREATE TABLE prices (
    product_id {key:48} NOT NULL,
    variant_id {key:48} NOT NULL,
    currency {key:3} NOT NULL,
    store {key:48} NOT NULL,
    amount {int} NOT NULL,
    compare_at {int},
    PRIMARY KEY (product_id, variant_id, currency, store)
) {compact};

CREATE TABLE rules (
    name {key:16} NOT NULL,
    store {key:48} NOT NULL,
    version {int} NOT NULL,
    language {key:2} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (name, store)
) {compact};

CREATE TABLE sold (
    product_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    pieces {int} NOT NULL,
    told {int} NOT NULL,
    PRIMARY KEY (product_id, store)
) {compact};

CREATE TABLE stock (
    variant_id {key:48} NOT NULL,
    location_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    in_stock {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (variant_id, location_id, store)
) {compact};

CREATE TABLE variants (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX variants_by_product ON variants (product_id, store);

