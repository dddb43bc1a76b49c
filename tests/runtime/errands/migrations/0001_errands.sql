-- The table of the errands that tests run: see ../__init__.py.

CREATE TABLE done (
    name {key:48} NOT NULL,
    store {key:48} NOT NULL,
    outcome {text} NOT NULL,
    PRIMARY KEY (name, store)
) {compact};
