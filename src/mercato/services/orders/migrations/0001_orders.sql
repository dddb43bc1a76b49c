-- The tables of orders: see ../storage.py.

CREATE TABLE answers (
    order_id {key:48} NOT NULL,
    kind {key:16} NOT NULL,
    store {key:48} NOT NULL,
    state {key:16} NOT NULL,
    PRIMARY KEY (order_id, kind, store)
) {compact};

CREATE TABLE bodies (
    order_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    body {text} NOT NULL,
    PRIMARY KEY (order_id, store)
);

CREATE TABLE ordered_carts (
    cart_id {key:48} NOT NULL,
    cart_version {int} NOT NULL,
    store {key:48} NOT NULL,
    order_id {key:48} NOT NULL,
    PRIMARY KEY (cart_id, cart_version, store)
) {compact};

CREATE TABLE orders (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    buyer {key:48} NOT NULL,
    stage {key:16} NOT NULL,
    version {int} NOT NULL,
    cart_id {key:48} NOT NULL,
    cart_version {int} NOT NULL,
    currency {key:3} NOT NULL,
    total {int} NOT NULL,
    captured {int} NOT NULL,
    refunded {int} NOT NULL,
    payment_method {key:40} NOT NULL,
    placed_at {int} NOT NULL,
    hold_expires_at {int} NOT NULL,
    expires_at {int},
    cancel_reason {key:40} NOT NULL,
    shortages {text} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX orders_by_buyer ON orders (buyer, store, id);

CREATE INDEX orders_by_expiry ON orders (expires_at);

CREATE TABLE transitions (
    order_id {key:48} NOT NULL,
    version {int} NOT NULL,
    store {key:48} NOT NULL,
    stage {key:16} NOT NULL,
    event {key:40} NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (order_id, version, store)
) {compact};
