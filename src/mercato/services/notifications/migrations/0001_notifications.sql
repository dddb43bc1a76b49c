-- The tables of notifications: see ../storage.py.

CREATE TABLE deliveries (
    id {key:48} NOT NULL,
    user_id {key:48} NOT NULL,
    template {key:40} NOT NULL,
    subject_id {key:48} NOT NULL,
    state {key:16} NOT NULL,
    attempts {int} NOT NULL,
    created_at {int} NOT NULL,
    sent_at {int},
    store {key:48} NOT NULL,
    PRIMARY KEY (subject_id, template, store)
) {compact};

CREATE INDEX deliveries_by_store ON deliveries (store, id);
