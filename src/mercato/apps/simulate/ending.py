"""What must hold when everything has come to rest: nobody waits, nothing is lost, all books say the same."""

import re
from collections import defaultdict
from collections.abc import Iterator

from mercato.apps.simulate.findings import Finding
from mercato.apps.simulate.gateway import SimulatedGateway
from mercato.apps.simulate.history import History
from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.safety import QUICK, Safety

GUEST = "gst_"
_MARK = re.compile("person-[a-z][0-9]*-x")


def leftovers(safety: Safety) -> Iterator[Finding]:
    """I16 and I4: every order has ended, nothing is held, everybody was answered, no cart is locked."""
    for store, order_id, stage in safety.rows("orders", "SELECT store, id, stage FROM orders"):
        if stage not in ("paid", "cancelled"):
            yield Finding("I16", f"{store} {order_id}", f"it is {stage} for ever")
    for store, variant_id in safety.rows("inventory", "SELECT store, variant_id FROM stock WHERE reserved <> 0"):
        yield Finding("I4", f"{store} {variant_id}", "some of it is reserved, and no order is open")
    for service in QUICK:
        sql = "SELECT store, scope, client_key FROM idempotency WHERE body IS NULL"
        for store, scope, key in safety.rows(service, sql):
            yield Finding("I13", f"{service} {store} {scope} {key}", "its sender was never answered")
    sql = "SELECT id, json_extract(body, '$.locked_by') FROM documents WHERE json_extract(body, '$.locked_by') <> ''"
    for cart_id, order_id in safety.rows("carts", sql):
        yield Finding("I16", f"cart {cart_id}", f"it is locked by {order_id} for ever")


def acknowledged(safety: Safety, history: History) -> Iterator[Finding]:
    """I17: every order and payment that anybody was told of exists."""
    orders = {row[0] for row in safety.rows("orders", "SELECT id FROM orders")}
    payments = {row[0] for row in safety.rows("payments", "SELECT id FROM payments")}
    for order_id in history.orders.keys() - orders:
        yield Finding("I17", order_id, "its buyer was told of it, and it does not exist")
    for payment_id in history.payments.keys() - payments:
        yield Finding("I17", payment_id, "its buyer was told of it, and it does not exist")


def money(safety: Safety, gateway: SimulatedGateway) -> Iterator[Finding]:
    """I9, I10 and I11: what the gateway has done is what our books say, order by order."""
    rows = safety.rows("payments", "SELECT store, id, order_id, amount, state, refunded FROM payments")
    payments = {(str(row[0]), str(row[1])): row for row in rows}
    kept: dict[tuple[object, object], int] = defaultdict(int)
    for key, charge in gateway.charges.items():
        if key not in payments:
            yield Finding("I11", charge.key, "the gateway has a charge that we know nothing of")
            continue
        store, _, order_id, amount, state, refunded = payments[key]
        kept[store, order_id] += charge.kept
        if charge.was_asked_for and charge.amount.amount != amount:
            yield Finding("I9", charge.key, f"{charge.amount.amount} was asked for, {amount} was due")
        settled = charge.result if charge.result != "action_needed" else "failed"
        if state != settled:
            yield Finding("I11", charge.key, f"it is {charge.result} at the gateway, with us {state}")
        elif refunded != sum(charge.refunds.values()):
            yield Finding("I11", charge.key, f"{refunded} refunded, at the gateway {charge.refunds}")
    for key in payments.keys() - gateway.charges.keys():
        if payments[key][4] == "captured":
            yield Finding("I11", key[1], "it is captured, and the gateway knows nothing of it")
    for store, order_id, total, stage in safety.rows("orders", "SELECT store, id, total, stage FROM orders"):
        wanted = total if stage == "paid" else 0
        if kept[store, order_id] != wanted:
            text = f"it is {stage} over {total}, the gateway kept {kept[store, order_id]}"
            yield Finding("I10", f"{store} {order_id}", text)


def mails(safety: Safety, server: SimulatedMailServer) -> Iterator[Finding]:
    """I23: one receipt for each paid order of a user, and no mail that nobody ordered."""
    rows = safety.rows("notifications", "SELECT id, template, subject_id, state FROM deliveries")
    deliveries = {str(row[0]): row for row in rows}
    receipts: dict[object, set[str]] = defaultdict(set)
    for mail in server.accepted:
        mail_id = mail.message_id.strip("<>").partition("@")[0]
        marks = set(_MARK.findall(f"{mail.to} {mail.subject} {mail.text}"))
        if len(marks) > 1:
            yield Finding("I25", mail.message_id, f"a mail to {mail.to} tells of {', '.join(sorted(marks))}")
        if mail_id not in deliveries:
            yield Finding("I23", mail.message_id, "a mail was sent that is no delivery")
        elif deliveries[mail_id][1] == "receipt":
            receipts[deliveries[mail_id][2]].add(mail_id)
    paid = "SELECT DISTINCT o.id, o.buyer FROM orders o JOIN transitions t ON t.store = o.store AND t.order_id = o.id "
    for order_id, buyer in safety.rows("orders", paid + "WHERE t.event = 'OrderPaid'"):
        wanted = 0 if str(buyer).startswith(GUEST) else 1
        if len(receipts[order_id]) != wanted:
            yield Finding("I23", str(order_id), f"{len(receipts[order_id])} receipts were sent for it, not {wanted}")
    for _, template, subject_id, state in deliveries.values():
        if state == "waiting":
            yield Finding("I23", str(subject_id), f"its mail {template} waits for ever")
