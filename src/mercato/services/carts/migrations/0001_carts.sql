-- The tables of carts: see ../storage.py.

CREATE TABLE prices (
    store {key:48} NOT NULL,
    variant_id {key:48} NOT NULL,
    currency {key:3} NOT NULL,
    amount {int} NOT NULL,
    PRIMARY KEY (store, variant_id, currency)
) {compact};

CREATE TABLE variants (
    store {key:48} NOT NULL,
    variant_id {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    seller {key:48} NOT NULL,
    title {text} NOT NULL,
    options {text} NOT NULL,
    sku {text} NOT NULL,
    handle {text} NOT NULL,
    image {text} NOT NULL,
    on_sale {int} NOT NULL,
    PRIMARY KEY (store, variant_id)
) {compact};
