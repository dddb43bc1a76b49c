"""Tables and statements of notifications."""

from sqlalchemy import Column, Index, MetaData, Table, bindparam, select, update

from mercato.contracts.notifications import Delivery
from mercato.runtime.database.columns import Integer, identity, key, required, store
from mercato.runtime.database.statements import fetch, insert_into, write

metadata = MetaData()

AFTER_ALL_IDS = "~"  # where a list that begins with the newest begins

deliveries = Table(
    "deliveries",
    metadata,
    identity(),
    store(),
    required("user_id", key()),
    required("template", key(40)),
    required("subject_id", key()),
    required("state", key(16)),
    required("attempts", Integer),
    required("created_at", Integer),
    Column("sent_at", Integer),
    sqlite_with_rowid=False,
)
Index("deliveries_by_subject", deliveries.c.subject_id, deliveries.c.template, deliveries.c.store, unique=True)
Index("deliveries_by_store", deliveries.c.store, deliveries.c.id)

_columns = [c for c in deliveries.c if c.name != "store"]

ADD_DELIVERY = insert_into(deliveries)
FIND_DELIVERY = fetch(
    Delivery, select(*_columns).where(deliveries.c.store == bindparam("store"), deliveries.c.id == bindparam("id"))
)
FIND_BY_SUBJECT = fetch(
    Delivery,
    select(*_columns).where(
        deliveries.c.store == bindparam("store"),
        deliveries.c.subject_id == bindparam("subject_id"),
        deliveries.c.template == bindparam("template"),
    ),
)
SETTLE_DELIVERY = write(
    update(deliveries)
    .where(
        deliveries.c.store == bindparam("store"),
        deliveries.c.id == bindparam("id"),
        deliveries.c.state == "waiting",
    )
    .values(state=bindparam("new_state"), attempts=bindparam("tried"), sent_at=bindparam("moment"))
)
LIST_DELIVERIES = fetch(
    Delivery,
    select(*_columns)
    .where(deliveries.c.store == bindparam("store"), deliveries.c.id < bindparam("before"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit_")),
)
