-- The tables of carts: see ../storage.py.

CREATE TABLE prices (
    variant_id {key:48} NOT NULL,
    currency {key:3} NOT NULL,
    store {key:48} NOT NULL,
    amount {int} NOT NULL,
    PRIMARY KEY (variant_id, currency, store)
) {compact};

CREATE TABLE variants (
    variant_id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    seller {key:48} NOT NULL,
    title {text} NOT NULL,
    options {text} NOT NULL,
    sku {text} NOT NULL,
    handle {text} NOT NULL,
    image {text} NOT NULL,
    on_sale {int} NOT NULL,
    PRIMARY KEY (variant_id, store)
) {compact};
