"""Planted bugs: each a small change of the real code, which the simulator must find. They tell what it can see."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec

from mercato.apps.directory import StoreDirectory
from mercato.apps.simulate.passwords import SimulatedPasswords
from mercato.runtime.access.who import Holder, Tenant
from mercato.runtime.batches.executor import Batch, Executor, _Saved
from mercato.runtime.batches.items import CommandItem, EventItem
from mercato.runtime.bus.feed import Feed
from mercato.runtime.bus.positions import MOVE_POSITION
from mercato.runtime.database.idempotency import COMPLETE_KEY
from mercato.runtime.documents.collection import DocumentCache
from mercato.runtime.http.cached import ReplyCache
from mercato.runtime.http.edge import Edge
from mercato.runtime.slow_work.worker import PeerFailed, Worker
from mercato.runtime.transaction import Intent, Transaction
from mercato.services.carts import domain as carts
from mercato.services.catalog.commands import products
from mercato.services.inventory import listeners as inventory
from mercato.services.inventory.commands import add_movement
from mercato.services.inventory.storage import TAKE_BACK
from mercato.services.notifications.work import MailWork
from mercato.services.orders import commands as orders
from mercato.services.orders import jobs as order_jobs
from mercato.services.orders import listeners as order_listeners
from mercato.services.orders import queries as order_queries
from mercato.services.orders.domain import TRANSITIONS
from mercato.services.orders.storage import FIND_ORDER
from mercato.services.payments import listeners as payment_listeners
from mercato.services.payments.domain import GatewayOutcome
from mercato.services.payments.messages import RecordOutcome
from mercato.services.payments.storage import HOLD_REFUND
from mercato.services.payments.work import GatewayWork
from mercato.services.pricing import domain as pricing
from mercato.services.pricing import queries as quotes
from mercato.values.clock import MINUTE
from mercato.values.ids import PaymentId

Plant = Callable[[], AbstractContextManager[None]]


@contextmanager
def replaced(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Give attributes other values for a while."""
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


@contextmanager
def replaced_item(table: dict[str, Any], key: str, value: Any) -> Iterator[None]:
    """Give an item of a table another value for a while."""
    before = table[key]
    table[key] = value
    try:
        yield
    finally:
        table[key] = before


# The runtime.


def lost_idempotency() -> AbstractContextManager[None]:
    """What was answered for a key is not kept: a repetition is done again."""
    store = CommandItem._store

    def forgetful(self: CommandItem, tx: Transaction, *rest: Any) -> None:
        defer = tx.defer
        tx.defer = lambda *_, **__: None  # type: ignore[method-assign]
        try:
            store(self, tx, *rest)
        finally:
            tx.defer = defer  # type: ignore[method-assign]

    return replaced((CommandItem, "_store", forgetful), (CommandItem, "_stored", lambda *_: None))


def forgotten_position() -> AbstractContextManager[None]:
    """Positions are not moved: after a restart every event is done again."""
    run = Transaction.run

    def standing(self: Transaction, statement: Any, **parameters: Any) -> int:
        return 1 if statement is MOVE_POSITION else run(self, statement, **parameters)

    return replaced((Transaction, "run", standing))


def answer_before_commit() -> AbstractContextManager[None]:
    """Callers are told before the transaction is durable."""
    apply = Executor.apply

    def hasty(self: Executor, batch: Batch) -> None:
        apply(self, batch)
        for item in batch.items if batch.fault is None else ():
            if isinstance(item, CommandItem):
                item.settle()

    return replaced((Executor, "apply", hasty))


def events_before_commit() -> AbstractContextManager[None]:
    """Consumers get events whose transaction is not durable yet."""
    apply, tell = Executor.apply, Executor._tell

    def hasty(self: Executor, batch: Batch) -> None:
        apply(self, batch)
        if batch.fault is None:
            tell(self, batch)

    return replaced((Executor, "apply", hasty), (Executor, "_tell", lambda *_: None))


def events_without_outbox() -> AbstractContextManager[None]:
    """Events are handed over in memory only."""
    return replaced((Transaction, "send_outbox", lambda _self: None))


def answer_not_completed() -> AbstractContextManager[None]:
    """The answer that a later transaction gives is not stored under the key of the request."""
    run = Transaction.run

    def silent(self: Transaction, statement: Any, **parameters: Any) -> int:
        return 1 if statement is COMPLETE_KEY else run(self, statement, **parameters)

    return replaced((Transaction, "run", silent))


def redo_keeps_half() -> AbstractContextManager[None]:
    """What failed in a batch is rolled back, but its events stay."""

    def back(self: _Saved) -> None:
        number, marks = self._tx.number, self._marks
        kept = list(self._tx.events)
        original(self)
        self._tx.number = number
        self._tx.events[marks[0] :] = kept[marks[0] :]

    original = _Saved.back
    return replaced((_Saved, "back", back))


def gap_passed_over() -> AbstractContextManager[None]:
    """A consumer takes what is offered, also when events before it are missing."""

    def careless(self: Feed, events: Any) -> None:
        if not self._behind and events[-1][0].number > self.seen:
            self._waiting.extend(item for item in events if item[0].type in self._types)
            self.seen = events[-1][0].number

    return replaced((Feed, "offer", careless))


def parked_overtaken() -> AbstractContextManager[None]:
    """Later events of an aggregate do not queue behind a parked one."""

    def run(self: EventItem, tx: Transaction, context: Any) -> None:
        parked, context.parked = context.parked, {}
        try:
            original(self, tx, context)
        finally:
            context.parked = parked

    original = EventItem.run
    return replaced((EventItem, "run", run))


def stale_document() -> AbstractContextManager[None]:
    """A document that was kept in memory stays there when a later version is stored."""

    def put(self: DocumentCache, documents: Any) -> None:
        for key, document in documents.items():
            self._documents.setdefault(key, document)

    return replaced((DocumentCache, "put", put))


def stale_reply() -> AbstractContextManager[None]:
    """A kept reply is not forgotten when what it shows changes."""
    return replaced((ReplyCache, "forget", lambda *_: None))


def work_forgotten() -> AbstractContextManager[None]:
    """Slow work that is not in memory is never looked for."""

    async def look(self: Worker) -> None:
        """Nothing is found."""

    return replaced((Worker, "look", look))


# Tenants and sessions.


def tenant_missing_in_key() -> AbstractContextManager[None]:
    """A store is remembered without the host name that led to it."""

    def known(self: StoreDirectory, _host: str, handle: str) -> Tenant | None:
        return next((tenant for key, tenant in self._tenants.items() if key[1] == handle), None)

    return replaced((StoreDirectory, "known_tenant", known))


def token_of_another_store() -> AbstractContextManager[None]:
    """A token opens every store."""
    admit = Edge._admit

    def lenient(self: Edge, route: Any, request: Any, tenant: Tenant, holder: Holder | None) -> Any:
        moved = None if holder is None else msgspec.structs.replace(holder, store=tenant.store)
        return admit(self, route, request, tenant, moved)

    return replaced((Edge, "_admit", lenient))


def session_outlives_password() -> AbstractContextManager[None]:
    """The edge does not hear that sessions have ended."""
    return replaced((StoreDirectory, "_forget", lambda *_: None))


# The business.


def gateway_key_for_each_try() -> AbstractContextManager[None]:
    """A charge that is tried again gets another key at the gateway."""
    charge = GatewayWork.charge

    async def eager(self: GatewayWork, body: Any, intent: Intent, calls: Any) -> RecordOutcome:
        if not intent.attempts:
            return await charge(self, body, intent, calls)
        key = PaymentId(f"{body.payment_id}{intent.attempts}")
        return RecordOutcome(body.payment_id, await self._gateway.charge(intent.store, key, body.amount, body.source))

    return replaced((GatewayWork, "charge", eager))


def timeout_is_failure() -> AbstractContextManager[None]:
    """A charge of which nothing was heard counts as failed."""
    charge = GatewayWork.charge

    async def rash(self: GatewayWork, body: Any, intent: Intent, calls: Any) -> RecordOutcome:
        try:
            return await charge(self, body, intent, calls)
        except PeerFailed:
            return RecordOutcome(body.payment_id, GatewayOutcome("failed", failure="timeout"))

    return replaced((GatewayWork, "charge", rash))


def late_capture_kept() -> AbstractContextManager[None]:
    """What was captured for an order that is off does not go back."""

    def keep(tx: Transaction, state: Any, event: Any) -> None:
        orders.save(tx, state, msgspec.structs.replace(state, captured=state.captured + event.amount.amount))

    return replaced((order_listeners, "_refund", keep))


def paid_order_not_refunded() -> AbstractContextManager[None]:
    """Who cancels a paid order does not get the money back."""
    return replaced((payment_listeners, "give_back", lambda *_: None))


def refund_not_counted() -> AbstractContextManager[None]:
    """A refund does not count against what was captured."""
    run = Transaction.run

    def lenient(self: Transaction, statement: Any, **parameters: Any) -> int:
        if statement is HOLD_REFUND:
            return 1
        return run(self, statement, **parameters)

    return replaced((Transaction, "run", lenient))


def hold_released_twice() -> AbstractContextManager[None]:
    """A cancelled order gives its goods back twice."""
    move = inventory._move

    def twice(tx: Transaction, order_id: Any, row: Any, state: str) -> None:
        move(tx, order_id, row, state)
        if state == "released" and tx.run(
            TAKE_BACK, pieces=row.quantity, variant_id=row.variant_id, location_id=row.location_id
        ):
            add_movement(tx, row.variant_id, row.location_id, "returned", (row.quantity, order_id, ""))

    return replaced((inventory, "_move", twice))


def cart_open_while_paying() -> AbstractContextManager[None]:
    """A cart can be changed while its order waits for the payment."""
    return replaced((carts, "_require_open", lambda _cart: None))


def rounding_lost() -> AbstractContextManager[None]:
    """Lines are taxed one by one, their sum is not: a unit goes missing."""
    price = pricing.price_lines

    def careless(*arguments: Any) -> Any:
        priced = price(*arguments)
        return msgspec.structs.replace(priced, total=priced.total - (1 if len(priced.lines) > 1 else 0))

    return replaced((pricing, "price_lines", careless), (quotes, "price_lines", careless))


def event_told_twice() -> AbstractContextManager[None]:
    """An order is confirmed in two events instead of one."""
    record = orders._record

    def twice(tx: Transaction, state: Any, event: Any) -> None:
        record(tx, state, event)
        if type(event).__name__ == "OrderConfirmed":
            tx.emit(event, state.id, state.version)

    return replaced((orders, "_record", twice))


def orders_never_expire() -> AbstractContextManager[None]:
    """Nobody looks for holds that have ended."""

    async def nothing(_calls: Any, _now: int) -> None:
        """Nobody is looked for."""

    return replaced((order_jobs, "expire_unpaid_orders", nothing))


def mail_believed_sent() -> AbstractContextManager[None]:
    """A mail that the server has not taken counts as sent."""
    send = MailWork.send

    async def hopeful(self: MailWork, body: Any, intent: Intent, calls: Any) -> Any:
        try:
            return await send(self, body, intent, calls)
        except ConnectionError:
            return msgspec.structs.replace(self.give_up(body, intent), outcome="sent")

    return replaced((MailWork, "send", hopeful))


def price_rise_unseen() -> AbstractContextManager[None]:
    """A quote has today's price, whether or not the shopper has seen it."""
    quote = quotes.quote_cart

    def bold(reader: Any, query: Any, caller: Any) -> Any:
        lines = tuple(msgspec.structs.replace(line, accepted_price=10**9) for line in query.lines)
        return quote(reader, msgspec.structs.replace(query, lines=lines), caller)

    return replaced((quotes, "quote_cart", bold))


def any_password_fits() -> AbstractContextManager[None]:
    """A session is opened whatever the password was."""

    async def lenient(self: SimulatedPasswords, _password: str, _hashed: str) -> bool:
        return True

    return replaced((SimulatedPasswords, "verify", lenient))


def order_expires_early() -> AbstractContextManager[None]:
    """A hold that was extended ends when it would have ended before."""
    find = order_queries.list_expired

    def early(reader: Any, query: Any, caller: Any) -> Any:
        reader.now += 16 * MINUTE
        return find(reader, query, caller)

    def expire(tx: Transaction, command: Any, _caller: Any) -> bool:
        state = tx.one(FIND_ORDER, id=command.order_id)
        if state is None or state.stage not in ("placed", "payment_due"):
            return False
        orders.cancel(tx, state, "expired")
        return True

    return replaced((order_queries, "list_expired", early), (orders, "expire_order", expire))


def wrong_stage() -> AbstractContextManager[None]:
    """An order whose hold is extended goes back to where it began."""
    due = {**TRANSITIONS["payment_due"], "HoldExtended": "placed"}
    return replaced_item(TRANSITIONS, "payment_due", due)


def outdated_change_taken() -> AbstractContextManager[None]:
    """A change overwrites one that its sender has not seen."""
    return replaced((products, "_require_version", lambda *_: None))


MUTANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        lost_idempotency,
        forgotten_position,
        answer_before_commit,
        events_before_commit,
        events_without_outbox,
        answer_not_completed,
        redo_keeps_half,
        gap_passed_over,
        parked_overtaken,
        stale_document,
        stale_reply,
        work_forgotten,
        tenant_missing_in_key,
        token_of_another_store,
        session_outlives_password,
        gateway_key_for_each_try,
        timeout_is_failure,
        late_capture_kept,
        paid_order_not_refunded,
        refund_not_counted,
        hold_released_twice,
        cart_open_while_paying,
        rounding_lost,
        event_told_twice,
        orders_never_expire,
        mail_believed_sent,
        price_rise_unseen,
        any_password_fits,
        order_expires_early,
        wrong_stage,
        outdated_change_taken,
    )
}
