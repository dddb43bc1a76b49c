-- The tables of inventory: see ../storage.py.

CREATE TABLE locations (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    name {text} NOT NULL,
    place {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX locations_by_place ON locations (store, place);

CREATE TABLE movements (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    variant_id {key:48} NOT NULL,
    location_id {key:48} NOT NULL,
    kind {key:16} NOT NULL,
    quantity {int} NOT NULL,
    order_id {key:48} NOT NULL,
    reason {text} NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};


CREATE TABLE reservations (
    order_id {key:48} NOT NULL,
    variant_id {key:48} NOT NULL,
    location_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    quantity {int} NOT NULL,
    state {key:16} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (order_id, variant_id, location_id, store)
) {compact};

CREATE TABLE stock (
    variant_id {key:48} NOT NULL,
    location_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    available {int} NOT NULL,
    reserved {int} NOT NULL,
    sold {int} NOT NULL,
    received {int} NOT NULL,
    returned {int} NOT NULL,
    written_off {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (variant_id, location_id, store),
    CONSTRAINT stock_not_negative CHECK (available >= 0 AND reserved >= 0 AND sold >= 0)
) {compact};
