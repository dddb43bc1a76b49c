"""Tables and statements of payments."""

import msgspec
from sqlalchemy import CheckConstraint, Index, MetaData, Table, bindparam, or_, select, update

from mercato.contracts.payments import RefundState
from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import fetch, insert_into, write
from mercato.services.payments.domain import PaymentRow

metadata = MetaData()

dues = Table(
    "dues",
    metadata,
    identity("order_id"),
    store(),
    required("buyer", key()),
    required("amount", Integer),
    required("currency", key(3)),
    required("state", key(16)),
    required("payment_id", key()),
    required("expires_at", Integer),
    sqlite_with_rowid=False,
)

payments = Table(
    "payments",
    metadata,
    identity(),
    store(),
    required("order_id", key()),
    required("buyer", key()),
    required("amount", Integer),
    required("currency", key(3)),
    required("gateway", key(40)),
    required("source", key(120)),
    required("state", key(16)),
    required("charge", key(120)),
    required("action_url", Text),
    required("failure", Text),
    required("refunded", Integer),
    required("created_at", Integer),
    required("version", Integer),
    CheckConstraint("refunded <= amount", name="refunded_at_most_amount"),
    sqlite_with_rowid=False,
)
Index("payments_by_order", payments.c.order_id, payments.c.store)

refunds = Table(
    "refunds",
    metadata,
    identity(),
    store(),
    required("payment_id", key()),
    required("order_id", key()),
    required("buyer", key()),
    required("amount", Integer),
    required("currency", key(3)),
    required("state", key(16)),
    required("created_at", Integer),
    sqlite_with_rowid=False,
)


Index("refunds_by_buyer", refunds.c.store, refunds.c.buyer, refunds.c.id)


class DueRow(msgspec.Struct, frozen=True):
    order_id: str
    buyer: str
    amount: int
    currency: str
    state: str
    payment_id: str
    expires_at: int


class RefundRow(msgspec.Struct, frozen=True):
    id: str
    payment_id: str
    order_id: str
    buyer: str
    amount: int
    currency: str
    state: RefundState
    created_at: int


DUES = Kept(dues, DueRow, changing=("state", "payment_id", "expires_at"), guard="state")
PAYMENTS = Kept(
    payments,
    PaymentRow,
    changing=("state", "charge", "action_url", "failure", "refunded", "version"),
    guard="version",
)
LIST_PAYMENTS = fetch(
    PaymentRow,
    select(*[c for c in payments.c if c.name != "store"])
    .where(payments.c.store == bindparam("store"), payments.c.order_id == bindparam("order_id"))
    .order_by(payments.c.id),
)
ADD_REFUND = insert_into(refunds)
SET_REFUND = write(
    update(refunds)
    .where(refunds.c.store == bindparam("store"), refunds.c.id == bindparam("id"), refunds.c.state == "calling")
    .values(state=bindparam("new_state"))
)
_refund_columns = [c for c in refunds.c if c.name != "store"]
FIND_REFUND = fetch(
    RefundRow,
    select(*_refund_columns).where(refunds.c.store == bindparam("store"), refunds.c.id == bindparam("id")),
)
LIST_REFUNDS = fetch(
    RefundRow,
    select(*_refund_columns)
    .where(
        refunds.c.store == bindparam("store"),
        or_(bindparam("buyer") == "", refunds.c.buyer == bindparam("buyer")),
        or_(bindparam("before") == "", refunds.c.id < bindparam("before")),
    )
    .order_by(refunds.c.id.desc())
    .limit(bindparam("limit_")),
)
