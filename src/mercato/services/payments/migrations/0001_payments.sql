-- The tables of payments: see ../storage.py.

CREATE TABLE dues (
    order_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    buyer {key:48} NOT NULL,
    amount {int} NOT NULL,
    currency {key:3} NOT NULL,
    state {key:16} NOT NULL,
    payment_id {key:48} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (order_id, store)
) {compact};

CREATE TABLE payments (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    order_id {key:48} NOT NULL,
    buyer {key:48} NOT NULL,
    amount {int} NOT NULL,
    currency {key:3} NOT NULL,
    gateway {key:40} NOT NULL,
    source {key:120} NOT NULL,
    state {key:16} NOT NULL,
    charge {key:120} NOT NULL,
    action_url {text} NOT NULL,
    failure {text} NOT NULL,
    refunded {int} NOT NULL,
    created_at {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (id, store),
    CONSTRAINT refunded_at_most_amount CHECK (refunded <= amount)
) {compact};

CREATE INDEX payments_by_order ON payments (order_id, store);

CREATE TABLE refunds (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    payment_id {key:48} NOT NULL,
    order_id {key:48} NOT NULL,
    buyer {key:48} NOT NULL,
    amount {int} NOT NULL,
    currency {key:3} NOT NULL,
    state {key:16} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX refunds_by_buyer ON refunds (store, buyer, id);
