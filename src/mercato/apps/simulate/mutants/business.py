"""Bugs of the services."""

from contextlib import AbstractContextManager
from typing import Any

import msgspec

from mercato.apps.simulate.mutants.planting import replaced, replaced_item
from mercato.apps.simulate.passwords import SimulatedPasswords
from mercato.contracts.payments import NothingDue
from mercato.runtime.slow_work.worker import PeerFailed
from mercato.runtime.transaction import Intent, Transaction
from mercato.services.carts import domain as carts
from mercato.services.carts import listeners as cart_listeners
from mercato.services.catalog.commands import products
from mercato.services.inventory import commands as stock
from mercato.services.inventory import listeners as inventory
from mercato.services.notifications.work import MailWork
from mercato.services.orders import commands as orders
from mercato.services.orders import jobs as order_jobs
from mercato.services.orders import listeners as order_listeners
from mercato.services.orders import queries as order_queries
from mercato.services.orders.domain import TRANSITIONS
from mercato.services.orders.storage import ORDERS
from mercato.services.payments import commands as payments
from mercato.services.payments import listeners as payment_listeners
from mercato.services.payments.domain import GatewayOutcome
from mercato.services.payments.messages import RecordOutcome
from mercato.services.payments.storage import DUES, PAYMENTS
from mercato.services.payments.work import GatewayWork
from mercato.services.pricing import domain as pricing
from mercato.services.pricing import queries as quotes
from mercato.services.users.storage import FORGET_PERSON
from mercato.values.clock import DAY, MINUTE
from mercato.values.ids import PaymentId


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
        tx.change(ORDERS, state, msgspec.structs.replace(state, captured=state.captured + event.amount.amount))

    return replaced((order_listeners, "_refund", keep))


def paid_order_not_refunded() -> AbstractContextManager[None]:
    """Who cancels a paid order does not get the money back."""
    return replaced((payment_listeners, "give_back", lambda *_: None))


def refund_not_counted() -> AbstractContextManager[None]:
    """A refund does not count against what was captured."""
    change = Transaction.change

    def lenient(self: Transaction, kept: Any, before: Any, after: Any) -> None:
        if kept is not PAYMENTS or after.refunded == before.refunded:
            change(self, kept, before, after)

    return replaced((Transaction, "change", lenient))


def hold_released_twice() -> AbstractContextManager[None]:
    """A cancelled order gives its goods back twice."""
    move = stock.move

    def twice(tx: Transaction, level: Any, kind: str, pieces: int, *what: str) -> Any:
        after = move(tx, level, kind, pieces, *what)
        return move(tx, after, "returned", pieces, *what) if kind == "released" else after

    return replaced((inventory, "move", twice))


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
        state = tx.row(ORDERS, command.order_id)
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


def paid_order_expires() -> AbstractContextManager[None]:
    """The end of the hold stays with an order that is paid, and cancels it when it comes."""
    advance = orders.advance

    def forgetful(tx: Transaction, state: Any, *events: Any, **changes: Any) -> Any:
        if "captured" in changes:
            changes.pop("expires_at", None)
        return advance(tx, state, *events, **changes)

    return replaced((order_listeners, "advance", forgetful))


def hold_not_extended() -> AbstractContextManager[None]:
    """Goods are not held longer while a payment is under way."""
    return replaced((order_listeners, "when_payment_is_pending_extend_hold", lambda *_: None))


def paid_twice() -> AbstractContextManager[None]:
    """What is paid can be paid again."""
    pay = payments.pay_order

    def lenient(tx: Transaction, command: Any, caller: Any) -> Any:
        due = tx.row(DUES, command.order_id)
        if due is not None and due.state == "paid":
            tx.change(DUES, due, msgspec.structs.replace(due, state="open", payment_id=""))
        return pay(tx, command, caller)

    return replaced((payments, "pay_order", lenient))


def nothing_can_be_paid() -> AbstractContextManager[None]:
    """Nothing is ever due: every payment is refused, and no other promise is broken."""

    def refuse(_tx: Transaction, _command: Any, _caller: Any) -> Any:
        raise NothingDue

    return replaced((payments, "pay_order", refuse))


def notice_acknowledged_unread() -> AbstractContextManager[None]:
    """A gateway's notice is acknowledged, and nothing is done about it."""
    return replaced((payments, "record_notice", lambda *_: None))


def quote_never_expires() -> AbstractContextManager[None]:
    """A price is honoured for ever."""
    return replaced((quotes, "QUOTE_LIFE", 100 * DAY))


def ordered_lines_stay() -> AbstractContextManager[None]:
    """What an order was made of stays in a cart that was changed meanwhile."""
    return replaced((carts, "take_out", lambda cart, _order_id, _ordered: cart))


def joined_cart_loses_lines() -> AbstractContextManager[None]:
    """Who logs in loses what is only in the guest's cart."""
    merge = carts.merge

    def careless(cart: Any, guest: Any, guest_id: Any) -> Any:
        known = {line.variant_id for line in cart.lines}
        lines = tuple(line for line in guest.lines if line.variant_id in known)
        return merge(cart, msgspec.structs.replace(guest, lines=lines), guest_id)

    return replaced((carts, "merge", careless))


def copied_price_stale() -> AbstractContextManager[None]:
    """Carts do not hear of prices that change."""
    return replaced((cart_listeners, "when_price_changed_copy_it", lambda *_: None))


def erased_person_remembered() -> AbstractContextManager[None]:
    """The record of attempts to log in keeps the address of somebody who was erased."""
    run = Transaction.run

    def keeping(self: Transaction, statement: Any, **parameters: Any) -> int:
        return 1 if statement is FORGET_PERSON else run(self, statement, **parameters)

    return replaced((Transaction, "run", keeping))
