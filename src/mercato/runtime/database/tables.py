"""The tables that the runtime keeps in each service's own database, beside the service's tables."""

from sqlalchemy import Column, Index, MetaData, Table

from mercato.runtime.database.columns import Bytes, Integer, Text, identity, key, required, store

metadata = MetaData()

outbox = Table(
    "outbox",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    required("id", key()),
    required("store", key()),
    required("type", key(80)),
    required("version", Integer),
    required("aggregate", key()),
    required("aggregate_version", Integer),
    required("at", Integer),
    required("correlation", Text),
    required("cause", Text),
    required("body", Bytes),
)

positions = Table(
    "positions",
    metadata,
    Column("source", key(), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    required("number", Integer),
    sqlite_with_rowid=False,
)

parked = Table(
    "parked",
    metadata,
    Column("source", key(), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    required("store", key()),
    required("aggregate", key()),
    required("attempts", Integer),
    Column("due_at", Integer),  # empty: given up, an operator must look
    required("error", Text),
    required("envelope", Bytes),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", key(120), primary_key=True),
    Column("client_key", key(255), primary_key=True),
    store(),
    required("fingerprint", key(64)),
    Column("subject", key()),
    Column("status", Integer),  # empty: still being decided
    Column("body", Bytes),
    required("created_at", Integer),
)
Index("idempotency_by_subject", idempotency.c.subject, idempotency.c.store, unique=True)
Index("idempotency_by_age", idempotency.c.created_at)

intents = Table(
    "intents",
    metadata,
    identity(),
    store(),
    required("kind", key(80)),
    required("subject", key()),
    required("state", key(16)),
    required("attempts", Integer),
    Column("due_at", Integer),  # empty: done or given up
    required("holder", key()),
    required("fence", Integer),
    required("body", Bytes),
    required("error", Text),
    required("correlation", Text),
)
Index("intents_by_due", intents.c.due_at)

documents = Table(
    "documents",
    metadata,
    Column("collection", key(80), primary_key=True),
    identity(),
    store(),
    required("version", Integer),
    required("body", Text),
)

leases = Table(
    "leases",
    metadata,
    Column("name", key(120), primary_key=True),
    required("holder", key()),
    required("fence", Integer),
    required("expires_at", Integer),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    Column("name", key(120), primary_key=True),
    required("due_at", Integer),
    required("last_at", Integer),
    required("last_error", Text),
    sqlite_with_rowid=False,
)

# The last number that was drawn for events, where several processes write one log.
sequence = Table(
    "sequence",
    metadata,
    Column("name", key(48), primary_key=True),
    required("number", Integer),
    sqlite_with_rowid=False,
)

# Made before the first migration, by migrate.py.
migrations = Table(
    "migrations",
    MetaData(),
    Column("name", key(120), primary_key=True),
    required("applied_at", Integer),
    sqlite_with_rowid=False,
)
