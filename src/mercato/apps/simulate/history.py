"""What clients have seen, and what they must never see: checked with every answer.

A request remembers what was known when it was sent: an answer may be older than other answers that came meanwhile,
but never older than those that had come before.
"""

import re
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from mercato.apps.simulate.arithmetic import differences
from mercato.apps.simulate.findings import Fail
from mercato.apps.simulate.network import Answer
from mercato.apps.simulate.town import Store
from mercato.runtime.database.idempotency import LIFE

_MARK = re.compile(rb"(?:store|person)-[a-z][0-9]*-x")
_BUYER = re.compile(rb'"buyer":"([^"]+)"')
_THING = re.compile(rb"(?:ord|pay)_[0-9a-f]{32}")

# Refusals that are not kept under the key of a request. Those of a busy shop may come at any time, the others only
# before the request was answered for good.
BUSY = frozenset({"overloaded", "unavailable", "too_many_requests", "gateway_unavailable"})
# Answers to what no good program sends.
ODD = frozenset({"malformed", "invalid", "unsupported_media_type", "body_too_large", "idempotency_key_reused"})
PASSING = frozenset({"conflict", "idempotency_key_in_flight", "cart_changed", "quote_expired", "log_in_first"})


class Who(msgspec.Struct, frozen=True):
    """Who sends requests. `id` is the buyer's, "" for staff; `mark` what only this person may see."""

    name: str
    store: Store
    id: str
    mark: str
    is_staff: bool = False


class Sent(msgspec.Struct, frozen=True):
    """A request on its way, with what its sender knew of the cart, and everybody of the thing that it is about.

    `is_answered`: another sending of it was answered for good before. `odd`: it must be refused.
    """

    who: Who
    method: str
    path: str
    key: str
    cart_version: int
    version: int
    is_paid: bool
    is_answered: bool
    odd: bool


class Final(msgspec.Struct, frozen=True):
    """A final answer, and when it was heard, by the shop's clock."""

    status: int
    body: bytes
    at: int

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200]!r}"


class OrderSeen(msgspec.Struct):
    """What a buyer was told of an order. `total` is None until its quote or its document was seen."""

    store: str
    buyer: str
    version: int = 0
    stages: dict[int, str] = {}
    total: int | None = None


class History:
    """All that was acknowledged to anybody."""

    def __init__(self, fail: Fail, now: Callable[[], int]) -> None:
        self._fail = fail
        self._now = now
        self._finals: dict[tuple[str, ...], Final] = {}
        self._carts: dict[str, dict[int, Any]] = {}
        self.orders: dict[str, OrderSeen] = {}
        self.payments: dict[str, str] = {}
        self.paid: set[str] = set()
        self._products: dict[str, int] = {}
        self._shown: dict[tuple[str, str, str], bytes] = {}
        self.statuses: Counter[str] = Counter()
        self.calm = False

    def sending(self, who: Who, method: str, path: str, key: str, *, odd: bool = False) -> Sent:
        thing = path.split("/")[3] if path.count("/") > 2 else ""  # noqa: PLR2004 - /v1/orders/ID
        order = self.orders.get(thing)
        version = order.version if order else self._products.get(thing, 0)
        is_answered = self.remembers(who, method, path, key)
        return Sent(who, method, path, key, self.cart_version(who), version, thing in self.paid, is_answered, odd)

    def remembers(self, who: Who, method: str, path: str, key: str) -> bool:
        """Whether this request was answered for good, so lately that it must be answered the same again."""
        known = self._finals.get(_identity(who, method, path, key))
        return known is not None and self._now() - known.at < LIFE

    def cart_version(self, who: Who) -> int:
        """The latest version of the cart that its buyer was shown."""
        return max(self._carts.get(who.id, {0: None}))

    def heard(self, sent: Sent, answer: Answer) -> None:
        """An answer has come: check it, and remember what it acknowledges."""
        self.statuses[answer.code or str(answer.status)] += 1
        self._check_status(sent, answer)
        self._check_isolation(sent, answer)
        if sent.odd:
            return
        if sent.key:
            self._check_replay(sent, answer)
        if answer.status in (HTTPStatus.OK, HTTPStatus.CREATED):
            self._learn(sent, answer)
        elif answer.status == HTTPStatus.NOT_MODIFIED:
            self._learn_product(sent, msgspec.json.decode(self._shown[self._form(sent, answer)]))
        elif answer.code == "sold_out":
            self._check_shortages(sent, answer.json())

    def _check_status(self, sent: Sent, answer: Answer) -> None:
        subject = f"{sent.method} {sent.path} of {sent.who.name}"
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            self._fail("5xx", subject, f"it was answered with {answer.status}")
        elif answer.status == HTTPStatus.SERVICE_UNAVAILABLE and self.calm and answer.code != "gateway_unavailable":
            self._fail("5xx", subject, "it was answered with 503 although nothing fails any more")
        elif sent.odd and answer.status < HTTPStatus.BAD_REQUEST:
            self._fail("I13" if sent.key else "I25", subject, f"it was answered {answer.status}, and must be refused")
        elif not sent.odd and answer.code in ODD:
            self._fail("I13", subject, f"it is in order, and was refused as {answer.code}")

    def _check_isolation(self, sent: Sent, answer: Answer) -> None:
        who = sent.who
        for mark in set(_MARK.findall(answer.body)):
            text = mark.decode()
            if text not in (who.store.mark, who.mark) and not (who.is_staff and _lives_in(text, who.store)):
                self._fail("I24", f"{sent.method} {sent.path} of {who.name}", f"it shows {text}")
        if not who.is_staff:
            for buyer in set(_BUYER.findall(answer.body)):
                if buyer.decode() != who.id:
                    self._fail("I25", f"{sent.method} {sent.path} of {who.name}", f"it is {buyer.decode()}'s")
            for thing in set(_THING.findall(answer.body)) if answer.status < HTTPStatus.BAD_REQUEST else ():
                seen = self.orders.get(self.payments.get(thing.decode(), thing.decode()))
                if seen is not None and seen.buyer != who.id:
                    self._fail("I25", f"{sent.method} {sent.path} of {who.name}", f"it tells of {thing.decode()}")

    def _check_replay(self, sent: Sent, answer: Answer) -> None:
        if answer.status == HTTPStatus.ACCEPTED or answer.code in BUSY:
            return
        if answer.code in PASSING and not sent.is_answered:
            return
        request = (sent.who, sent.method, sent.path, sent.key)
        final = Final(answer.status, answer.body, self._now())
        if not self.remembers(*request):
            self._finals[_identity(*request)] = final
            return
        known = self._finals[_identity(*request)]
        if (known.status, known.body) != (final.status, final.body):
            subject = f"{sent.method} {sent.path} of {sent.who.name} with the key {sent.key}"
            self._fail("I13", subject, f"it was answered {known}, then {final}")

    def _learn(self, sent: Sent, answer: Answer) -> None:
        path = sent.path
        if path.startswith("/v1/cart") and path != "/v1/cart/quote":
            self._learn_cart(sent, answer.json())
        elif path == "/v1/orders":
            if sent.method == "POST":
                self._check_made(answer.json())
                self._learn_order(sent, answer.json())
            else:
                self._check_list(sent, answer.json())
        elif path.startswith("/v1/orders/"):
            self._check_order(sent, answer.json())
        elif path == "/v1/payments/pay":
            self._learn_payment(answer.json())
        elif path.startswith("/v1/products/") and not path.endswith("/similar"):
            self._learn_product(sent, answer.json())
            self._check_form(sent, answer)

    def _learn_cart(self, sent: Sent, cart: Any) -> None:
        versions = self._carts.setdefault(sent.who.id, {0: []})
        lines = [(line["variant_id"], line["quantity"], line["unit_price"]) for line in cart["lines"]]
        version = cart["version"]
        subtotal = sum(line["quantity"] * (line["current_price"] or 0) for line in cart["lines"])
        if cart["subtotal"] != subtotal:
            text = f"its subtotal is {cart['subtotal']}, its lines make {subtotal}"
            self._fail("I8", f"the cart of {sent.who.name}", text)
        if sent.method != "GET" and cart["locked_by"]:
            self._fail("I14", f"the cart of {sent.who.name}", f"it was changed while {cart['locked_by']} locks it")
        if sent.method == "GET" and version < sent.cart_version:
            text = f"version {version} after version {sent.cart_version} was acknowledged"
            self._fail("I17", f"the cart of {sent.who.name}", text)
        if versions.setdefault(version, lines) != lines:
            text = f"version {version} has {lines}, it had {versions[version]}"
            self._fail("I17", f"the cart of {sent.who.name}", text)

    def _check_made(self, order: Any) -> None:
        if order["cancel_reason"] == "sold_out":
            self._fail("I15", order["id"], "it is sold out, and its buyer was told that it was made")

    def _check_order(self, sent: Sent, order: Any) -> None:
        """What was acknowledged before this was asked is there."""
        if not sent.key:
            if order["version"] < sent.version:
                text = f"it is at version {order['version']}, version {sent.version} was seen"
                self._fail("I17", order["id"], text)
            if sent.is_paid and order["stage"] not in ("paid", "cancelled"):
                self._fail("I17", order["id"], f"it is {order['stage']}, and it was acknowledged as paid")
        self._learn_order(sent, order)

    def _check_shortages(self, sent: Sent, refusal: Any) -> None:
        """Who is told "sold out" wanted more than there was."""
        if not any(line["available"] < line["wanted"] for line in refusal["shortages"]):
            text = f"it was refused as sold out with {refusal['shortages']}"
            self._fail("I30", f"{sent.method} {sent.path} of {sent.who.name}", text)

    def _check_form(self, sent: Sent, answer: Answer) -> None:
        """What has one ETag is one text."""
        if "etag" in answer.headers and self._shown.setdefault(self._form(sent, answer), answer.body) != answer.body:
            self._fail("F21", sent.path, f"two texts have the ETag {answer.headers['etag']}")

    @staticmethod
    def _form(sent: Sent, answer: Answer) -> tuple[str, str, str]:
        return sent.who.store.id, sent.path, answer.headers["etag"]

    def _check_list(self, sent: Sent, page: Any) -> None:
        for listed in page["items"]:
            seen = self.orders.get(listed["id"])
            if seen is not None and seen.buyer != sent.who.id:
                self._fail("I25", listed["id"], f"{sent.who.name} is shown an order of {seen.buyer}")

    def _learn_payment(self, answer: Any) -> None:
        order_id = answer["order"]["id"]
        self.payments[answer["payment"]["id"]] = order_id
        if answer["order"]["status"] == "paid":
            self.paid.add(order_id)

    def _learn_product(self, sent: Sent, product: Any) -> None:
        if sent.method == "GET" and product["version"] < sent.version:
            text = f"it is shown at version {product['version']}, version {sent.version} was acknowledged"
            self._fail("I17", product["id"], text)
        if product["status"] != "active" and not sent.who.is_staff:
            self._fail("I25", product["id"], f"it is {product['status']}, and {sent.who.name} is shown it")
        self._products[product["id"]] = max(product["version"], self._products.get(product["id"], 0))

    def _learn_order(self, sent: Sent, order: Any) -> None:
        seen = self.orders.setdefault(order["id"], OrderSeen(sent.who.store.id, order["buyer"]))
        seen.version = max(seen.version, order["version"])
        stage = seen.stages.setdefault(order["version"], order["stage"])
        if stage != order["stage"]:
            self._fail("I15", order["id"], f"version {order['version']} is {order['stage']}, it was {stage}")
        if seen.total is None:
            seen.total = order["total"]
        elif seen.total != order["total"]:
            self._fail("I9", order["id"], f"its total is {order['total']}, its buyer confirmed {seen.total}")

    def check_quote(self, who: Who, quote: Any, accepted: dict[str, int]) -> None:
        """A quote is for the lines of its cart, at no higher price than its buyer has seen, and adds up."""
        for text in differences(quote, who.store.rates):
            self._fail("I8", f"a quote for {who.name}", text)
        lines = self._carts.get(who.id, {}).get(quote["cart_version"])
        if lines is None:
            return
        seen = {variant_id: (quantity, price) for variant_id, quantity, price in lines}
        for line in quote["lines"]:
            quantity, price = seen.get(line["variant_id"], (0, 0))
            if line["quantity"] != quantity or line["unit_price"] > max(price, accepted.get(line["variant_id"], 0)):
                text = f"{line['quantity']} at {line['unit_price']} are quoted, {quantity} at {price} were in the cart"
                self._fail("I9", f"a quote for {who.name}", text)

    def confirm(self, order: Any, quote: Any) -> None:
        """The order that was made of a quote: it costs what was quoted, and is of the version that was quoted."""
        if order["total"] != quote["total"]:
            self._fail("I9", order["id"], f"its total is {order['total']}, {quote['total']} was confirmed")
        if order["placed_at"] >= quote["expires_at"]:
            self._fail("I9", order["id"], "its quote had expired when it was placed")
        wanted = [(line["variant_id"], line["quantity"], line["unit_price"]) for line in quote["lines"]]
        got = [(line["variant_id"], line["quantity"], line["unit_price"]) for line in order["lines"]]
        if wanted != got:
            self._fail("I14", order["id"], f"{wanted} was confirmed, {got} was ordered")


def _lives_in(mark: str, store: Store) -> bool:
    """Whether a person's mark belongs to the store's people; guests have a letter of their own."""
    return mark.startswith("person-") and (mark[7] == store.mark[6] or (mark[7] == "g" and store.guests))


def _identity(who: Who, method: str, path: str, key: str) -> tuple[str, ...]:
    return who.store.id, who.name, method, path, key
