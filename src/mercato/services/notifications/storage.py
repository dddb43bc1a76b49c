"""Tables and statements of notifications."""

from sqlalchemy import Column, Index, MetaData, PrimaryKeyConstraint, Table, bindparam, select

from mercato.contracts.notifications import Delivery
from mercato.runtime.database.columns import Integer, identity, key, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import fetch

metadata = MetaData()

AFTER_ALL_IDS = "~"  # where a list that begins with the newest begins

deliveries = Table(
    "deliveries",
    metadata,
    required("id", key()),
    required("user_id", key()),
    Column("template", key(40), primary_key=True),
    identity("subject_id"),
    required("state", key(16)),
    required("attempts", Integer),
    required("created_at", Integer),
    Column("sent_at", Integer),
    store(),
    PrimaryKeyConstraint("subject_id", "template", "store"),
    sqlite_with_rowid=False,
)
Index("deliveries_by_store", deliveries.c.store, deliveries.c.id)

DELIVERIES = Kept(deliveries, Delivery, changing=("state", "attempts", "sent_at"), guard="state")
LIST_DELIVERIES = fetch(
    Delivery,
    select(*[c for c in deliveries.c if c.name != "store"])
    .where(deliveries.c.store == bindparam("store"), deliveries.c.id < bindparam("before"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit_")),
)
