"""I8, I14, I15 and I19 within orders; I7, I9, I10, I13 and I17 against payments."""

from collections import defaultdict
from collections.abc import Iterator

from mercato.apps.verify import statements
from mercato.apps.verify.snapshot import Difference, Snapshot
from mercato.apps.verify.statements import OrderFigures, PaymentFigures, RefundFigures, Transition
from mercato.services.orders.domain import EXTENDED_HOLD, TRANSITIONS, read_body

Key = tuple[str, str]


def within_orders(look: Snapshot) -> Iterator[Difference]:
    orders = {(row.store, row.id): row for row in look.all("orders", statements.ORDERS)}
    for key, order in orders.items():
        yield from _totals(" ".join(key), order)
    yield from _carts(look, orders)
    histories: dict[Key, list[Transition]] = defaultdict(list)
    for row in look.all("orders", statements.TRANSITIONS):
        histories[row.store, row.order_id].append(row)
    for key in orders.keys() | histories.keys():
        yield from _history(" ".join(key), orders.get(key), histories[key])
    yield from _told(look, histories)
    for answer in look.all("orders", statements.ANSWERS):
        if (answer.store, answer.subject) not in orders:
            yield Difference("I17", f"{answer.store} {answer.subject}", "its answer was success, and it does not exist")


def within_payments(look: Snapshot) -> Iterator[Difference]:
    payments = {(row.store, row.id): row for row in look.all("payments", statements.PAYMENTS)}
    dues = {(row.store, row.order_id): row.amount for row in look.all("payments", statements.DUES)}
    refunded: dict[Key, int] = defaultdict(int)
    for refund in look.all("payments", statements.REFUNDS):
        refunded[refund.store, refund.payment_id] += refund.amount
    for key, row in payments.items():
        subject = " ".join(key)
        captured = row.amount if row.state == "captured" else 0
        if row.refunded > captured:
            yield Difference("I7", subject, f"{row.refunded} refunded of {captured} captured")
        if row.refunded != refunded[key]:
            yield Difference("I7", subject, f"{row.refunded} refunded, its refunds add up to {refunded[key]}")
        if dues.get((row.store, row.order_id)) != row.amount:
            yield Difference("I9", subject, f"{row.amount} asked for, {dues.get((row.store, row.order_id))} was due")
    for answer in look.all("payments", statements.ANSWERS):
        if (answer.store, answer.subject) not in payments:
            yield Difference("I17", f"{answer.store} {answer.subject}", "its answer was success, and it does not exist")


def across(look: Snapshot) -> Iterator[Difference]:
    orders = {(row.store, row.id): row for row in look.all("orders", statements.ORDERS)}
    by_order: dict[Key, list[PaymentFigures]] = defaultdict(list)
    for payment in look.all("payments", statements.PAYMENTS):
        by_order[payment.store, payment.order_id].append(payment)
    refunds: dict[Key, list[RefundFigures]] = defaultdict(list)
    for refund in look.all("payments", statements.REFUNDS):
        refunds[refund.store, refund.order_id].append(refund)
    for due in look.all("payments", statements.DUES):
        order = orders.get((due.store, due.order_id))
        if order is None or order.total != due.amount:
            total = order.total if order else "no order"
            yield Difference("I9", f"{due.store} {due.order_id}", f"{due.amount} is due, its total is {total}")
        elif order.stage == "payment_due" and due.expires_at != order.hold_expires_at:
            text = f"it can be paid until {due.expires_at}, its goods are held until {order.hold_expires_at}"
            yield Difference("I2", f"{due.store} {due.order_id}", text)
    for key, order in orders.items():
        yield from _money(" ".join(key), order, by_order[key], refunds[key])
        yield from _hold(" ".join(key), order, by_order[key])


def _totals(subject: str, order: OrderFigures) -> Iterator[Difference]:
    body = read_body(order.body)
    for line in body.lines:
        amount = line.unit_price * line.quantity - line.discount + (0 if body.tax_included else line.tax)
        if line.total != amount:
            yield Difference("I8", subject, f"line {line.variant_id}: {line.total} is not {amount}")
    total = sum(line.total for line in body.lines) + body.shipping + (0 if body.tax_included else body.shipping_tax)
    if order.total != total:
        yield Difference("I8", subject, f"its total is {order.total}, its lines and shipping make {total}")
    tax = sum(line.tax for line in body.lines) + body.shipping_tax
    if body.tax != tax:
        yield Difference("I8", subject, f"its tax is {body.tax}, its lines and shipping make {tax}")


def _carts(look: Snapshot, orders: dict[Key, OrderFigures]) -> Iterator[Difference]:
    carts = {
        (row.store, row.cart_id, row.cart_version): row.order_id for row in look.all("orders", statements.ORDERED_CARTS)
    }
    for key, order in orders.items():
        if carts.get((order.store, order.cart_id, order.cart_version)) != order.id:
            yield Difference("I14", " ".join(key), "the version of its cart belongs to another order or to none")


def _history(subject: str, order: OrderFigures | None, history: list[Transition]) -> Iterator[Difference]:
    if order is None:
        yield Difference("I15", subject, "it has transitions and no order")
        return
    if [row.version for row in history] != list(range(1, order.version + 1)):
        yield Difference(
            "I15", subject, f"its versions are {[row.version for row in history]}, it is at {order.version}"
        )
    stage = ""
    for row in history:
        if TRANSITIONS.get(stage, {}).get(row.event) != row.stage:
            yield Difference("I15", subject, f"{row.event} led from {stage or 'nothing'} to {row.stage}")
        stage = row.stage
    if stage != order.stage:
        yield Difference("I15", subject, f"its history ends at {stage}, it is {order.stage}")


def _told(look: Snapshot, histories: dict[Key, list[Transition]]) -> Iterator[Difference]:
    """Each transition has exactly one event, while the log still has all its events."""
    if "orders" not in look.logs or look.logs["orders"].first > 1:
        return
    logged = {
        (row.store, row.aggregate, row.aggregate_version, row.type): row.times
        for row in look.all("orders", statements.LOGGED)
    }
    for (store, order_id), history in histories.items():
        for row in history:
            times = logged.pop((store, order_id, row.version, row.event), 0)
            if times != 1:
                yield Difference("I19", f"{store} {order_id}", f"{row.event} was told {times} times")
    for store, aggregate, version, kind in logged:
        yield Difference("I19", f"{store} {aggregate}", f"{kind} was told for version {version}, which never was")


def _hold(subject: str, order: OrderFigures, payments: list[PaymentFigures]) -> Iterator[Difference]:
    """While the outcome of a payment is open, its goods are held longer (F8, F11)."""
    is_open = any(row.state in ("action_needed", "unknown") for row in payments)
    if order.stage == "payment_due" and is_open and order.hold_expires_at < order.placed_at + EXTENDED_HOLD:
        yield Difference("F8", subject, "a payment of it is under way, and its hold was not extended")


def _money(
    subject: str, order: OrderFigures, payments: list[PaymentFigures], refunds: list[RefundFigures]
) -> Iterator[Difference]:
    captured = sum(row.amount for row in payments if row.state == "captured")
    refunded = sum(row.amount for row in refunds if row.state == "refunded")
    under_way = any(row.state == "calling" for row in refunds)
    if order.captured != captured or order.refunded != refunded:
        text = f"it says {order.captured} captured and {order.refunded} refunded, payments {captured} and {refunded}"
        yield Difference("I10", subject, text)
    kept = captured - refunded
    if not under_way and kept != (order.total if order.stage in ("confirmed", "paid") else 0):
        yield Difference("I10", subject, f"it is {order.stage} over {order.total}, and {kept} was kept")
