"""What must hold when everything has come to rest: nobody waits, nothing is lost, all books say the same."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import cast

from mercato.apps.simulate.findings import Finding
from mercato.apps.simulate.gateway import SimulatedGateway
from mercato.apps.simulate.history import History
from mercato.apps.simulate.index import SimulatedIndex
from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.people.client import Erased
from mercato.apps.simulate.safety import QUICK, Safety
from mercato.values.ids import ProductId
from mercato.values.money import Money

GUEST = "gst_"
_MARK = re.compile("person-[a-z][0-9]*-x")
_ORDERS_MAILED = (
    "SELECT o.id, o.buyer, o.total, o.currency, EXISTS (SELECT 1 FROM transitions t WHERE t.store = o.store "
    "AND t.order_id = o.id AND t.event = 'OrderPaid'), o.cancel_reason FROM orders o"
)
_ACCOUNT = "SELECT erased_at, email, name, phone, password_hash FROM users WHERE id = :id"
_ACCESS = "SELECT id FROM sessions WHERE user_id = :id UNION ALL SELECT id FROM tokens WHERE user_id = :id"
_ATTEMPTS = "SELECT at FROM attempts WHERE account = :email AND store = :store"
_SECRETS = {
    "users": "SELECT token_hash FROM sessions UNION ALL SELECT secret_hash FROM tokens WHERE secret_hash IS NOT NULL",
    "stores": "SELECT secret_hash FROM api_keys",
}


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
    sql = "SELECT id, json_extract(body, '$.taken') FROM documents WHERE json_extract(body, '$.taken') <> '{}'"
    for cart_id, taken in safety.rows("carts", sql):
        yield Finding("I14", f"cart {cart_id}", f"it keeps what orders took that are over: {taken}")
    sql = "SELECT store, order_id, state FROM dues WHERE state NOT IN ('paid', 'closed')"
    for store, order_id, state in safety.rows("payments", sql):
        yield Finding("I16", f"{store} {order_id}", f"what is due for it is {state} for ever")


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
        if state != charge.result:
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


_SHOWN = (
    "SELECT p.store, p.id, p.title, (SELECT min(x.amount) FROM prices x WHERE x.store = p.store "
    "AND x.product_id = p.id AND x.currency = p.currency), (SELECT max(a.available) > 0 FROM availability a "
    "WHERE a.store = p.store AND a.variant_id IN (SELECT value->>'id' FROM json_each(p.body, '$.variants'))) "
    "FROM products p WHERE p.status = 'active'"
)


def findable(safety: Safety, index: SimulatedIndex) -> Iterator[Finding]:
    """I22: what search finds is what catalog shows, and what it would find if its index were made anew."""
    shown = {(str(row[0]), ProductId(str(row[1]))): row[2:] for row in safety.rows("catalog", _SHOWN)}
    for key in index.entries.keys() - shown.keys():
        yield Finding("I22", " ".join(key), "it can be found, and is not on sale")
    for key, (title, price, available) in shown.items():
        entry = index.entries.get(key)
        found = None if entry is None else (entry.title, entry.price, entry.available)
        if found != (title, price, bool(available)):
            yield Finding("I22", " ".join(key), f"it is {(title, price, bool(available))}, found as {found}")


def mails(safety: Safety, server: SimulatedMailServer) -> Iterator[Finding]:
    """I23: one receipt for each paid order of a user, one mail for each that somebody else has cancelled, and no mail
    that nobody ordered."""
    rows = safety.rows("notifications", "SELECT id, template, subject_id, state FROM deliveries")
    deliveries = {str(row[0]): row for row in rows}
    sent: dict[tuple[object, object], set[str]] = defaultdict(set)
    texts: dict[object, str] = {}
    for mail in server.accepted:
        mail_id = mail.message_id.strip("<>").partition("@")[0]
        marks = set(_MARK.findall(f"{mail.to} {mail.subject} {mail.text}"))
        if len(marks) > 1:
            yield Finding("I25", mail.message_id, f"a mail to {mail.to} tells of {', '.join(sorted(marks))}")
        if mail_id not in deliveries:
            yield Finding("I23", mail.message_id, "a mail was sent that is no delivery")
            continue
        _, template, subject_id, _ = deliveries[mail_id]
        sent[template, subject_id].add(mail_id)
        if template == "receipt":
            texts[subject_id] = mail.text
    for order_id, buyer, total, currency, was_paid, reason in safety.rows("orders", _ORDERS_MAILED):
        has_address = not str(buyer).startswith(GUEST)
        wanted = {"receipt": bool(was_paid), "order_cancelled": reason not in ("", "by_shopper")}
        for template, is_wanted in wanted.items():
            count = len(sent[template, order_id])
            if count != int(is_wanted and has_address):
                yield Finding("I23", str(order_id), f"{count} mails of the kind {template} were sent for it")
        if order_id in texts and str(Money(cast(int, total), str(currency))) not in texts[order_id]:
            yield Finding("I23", str(order_id), "its receipt does not tell its total")
    for _, template, subject_id, state in deliveries.values():
        if state == "waiting":
            yield Finding("I23", str(subject_id), f"its mail {template} waits for ever")


def erasures(safety: Safety, erased: Iterable[Erased]) -> Iterator[Finding]:
    """I28: of an account that was erased nothing personal is left, and nobody is in it any more."""
    for person in erased:
        ((erased_at, *row),) = safety.rows("users", _ACCOUNT, id=person.user_id)
        if erased_at is None or any(row):
            yield Finding("I28", person.user_id, f"its row was erased at {erased_at}, and is {row}")
        if safety.rows("users", _ACCESS, id=person.user_id):
            yield Finding("I28", person.user_id, "it was erased, and still has sessions or tokens")
        if safety.rows("users", _ATTEMPTS, email=person.email, store=person.store):
            yield Finding("I28", person.user_id, "it was erased, and attempts to log in still tell its address")


def secrets(safety: Safety) -> Iterator[Finding]:
    """I26: tokens and keys are stored as hashes only."""
    for service, sql in _SECRETS.items():
        for (digits,) in safety.rows(service, sql):
            if re.fullmatch("[0-9a-f]{64}", str(digits)) is None:
                yield Finding("I26", service, f"{digits} is stored of a token or key, which is no hash")
