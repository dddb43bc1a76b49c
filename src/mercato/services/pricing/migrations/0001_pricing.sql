-- The tables of pricing: see ../storage.py.

CREATE TABLE prices (
    variant_id {key:48} NOT NULL,
    currency {key:3} NOT NULL,
    store {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    amount {int} NOT NULL,
    compare_at {int},
    version {int} NOT NULL,
    PRIMARY KEY (variant_id, currency, store)
) {compact};

CREATE TABLE rates (
    currency {key:3} NOT NULL,
    store {key:48} NOT NULL,
    tax_millionths {int} NOT NULL,
    tax_included {int} NOT NULL,
    shipping {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (currency, store)
) {compact};
