"""What happens to carts, followed commit by commit: an order locks its cart or takes its lines out of it, and what it
has taken comes back or is gone for good (I14)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mercato.apps.simulate.findings import Fail
from mercato.apps.simulate.safety import Safety
from mercato.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from mercato.runtime.batches.executor import Batch
from mercato.runtime.batches.items import CommandItem
from mercato.runtime.documents.collection import Document
from mercato.services.carts.domain import CartDocument, Line
from mercato.values.commerce import OrderedLine
from mercato.values.messages import Event

_VERSION = "SELECT version FROM documents WHERE store = :store AND id = :id"

Key = tuple[str, str]
Pieces = Counter[str]


class CartBook:
    """Knows every cart as it was committed last."""

    def __init__(self, safety: Safety, fail: Fail) -> None:
        self._safety = safety
        self._fail = fail
        self._known: dict[Key, Document[CartDocument]] = {}

    def committed(self, batch: Batch) -> None:
        """A batch of carts is durable."""
        assert batch.tx is not None, "a durable batch had a transaction"
        events: dict[Key, list[Event]] = {}
        commands = False
        for item in batch.items:
            if isinstance(item, CommandItem):
                commands = True
                continue
            event: Any = item.event  # type: ignore[attr-defined]
            if isinstance(event, (OrderPlaced, OrderConfirmed, OrderCancelled)):
                row: Any = getattr(item, "envelope", None) or getattr(item, "row", None)
                events.setdefault((row.store, event.cart_id), []).append(event)
        for (store, _, cart_id), after in batch.tx.known.items():
            if not isinstance(after, Document):
                continue
            if self._safety.rows("carts", _VERSION, store=store, id=cart_id) != [(after.version,)]:
                self._fail("I22", f"cart {cart_id}", f"version {after.version} is kept in memory, and is not stored")
            before, told = self._known.get((store, cart_id)), events.get((store, cart_id), [])
            if before is not None and len(told) == 1 and not commands and after.version == before.version + 1:
                text = _wrong(before, told[0], after.body)
                if text:
                    self._fail("I14", f"cart {cart_id}", text)
            self._known[store, cart_id] = after


def _wrong(before: Document[CartDocument], event: Event, after: CartDocument) -> str:
    """What is wrong about a cart after one event of an order, "" for nothing."""
    cart = before.body
    had, has = f"it had {_told(_pieces(cart))}", f"it has {_told(_pieces(after))}"
    match event:
        case OrderPlaced() if before.version == event.cart_version:
            is_right = after.locked_by == event.order_id and _lines(after) == _lines(cart)
            text = f"its version {before.version} was ordered, and it is not locked as it was: {had}, {has}"
        case OrderPlaced():
            left = _lines(cart) - _count(event.lines)
            is_right = after.locked_by == cart.locked_by and _lines(after) == left and _pieces(after) == _pieces(cart)
            text = f"{_told(_count(event.lines))} were ordered of an earlier version: {had}, {has}, orders' included"
        case OrderConfirmed() if cart.locked_by == event.order_id:
            is_right = not (after.lines or after.locked_by)
            text = f"its order is confirmed, and it is not empty and open: {has}"
        case OrderConfirmed():
            is_right = _lines(after) == _lines(cart) and event.order_id not in after.taken
            text = f"the order that took lines out of it is confirmed: {had}, {has}, orders' included"
        case _:
            is_held = after.locked_by == event.order_id or event.order_id in after.taken  # type: ignore[attr-defined]
            is_right = _pieces(after) == _pieces(cart) and not is_held
            text = f"its order is off: {had}, {has}, and it is {'still' if is_held else 'not'} held"
    return "" if is_right else text


def _lines(cart: CartDocument) -> Pieces:
    return _count(cart.lines)


def _pieces(cart: CartDocument) -> Pieces:
    """What is in a cart, and what orders took out of it."""
    return sum((_count(taken.lines) for taken in cart.taken.values()), _lines(cart))


def _count(lines: Iterable[Line | OrderedLine]) -> Pieces:
    return Counter({line.variant_id: line.quantity for line in lines})


def _told(pieces: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {variant_id}" for variant_id, count in sorted(pieces.items())) or "nothing"
