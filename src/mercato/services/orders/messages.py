"""Messages that only the jobs of orders send."""

import msgspec

from mercato.values.ids import OrderId, StoreId
from mercato.values.messages import Command, Query, System


class ExpiredOrder(msgspec.Struct, frozen=True):
    store: StoreId
    order_id: OrderId


class ExpireOrder(Command[bool], frozen=True):
    """Cancel an order whose hold has ended; False when it was paid, cancelled or extended meanwhile."""

    allow = System
    order_id: OrderId


class ListExpired(Query[tuple[ExpiredOrder, ...]], frozen=True):
    """Orders of all stores whose hold has ended."""

    allow = System
