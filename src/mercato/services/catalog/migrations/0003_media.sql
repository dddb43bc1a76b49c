-- Files of products, from their upload on.

CREATE TABLE media (
    id {key:48} NOT NULL,
    store {key:48} NOT NULL,
    product_id {key:48} NOT NULL,
    state {key:16} NOT NULL,
    file_name {text} NOT NULL,
    content_type {key:40} NOT NULL,
    size {int} NOT NULL,
    alt {text} NOT NULL,
    variant_id {key:48} NOT NULL,
    option_value {key:255} NOT NULL,
    reason {text} NOT NULL,
    names {text} NOT NULL,
    expires_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (id, store)
) {compact};

CREATE INDEX media_by_product ON media (product_id, store);

CREATE INDEX media_by_state ON media (state, updated_at);
