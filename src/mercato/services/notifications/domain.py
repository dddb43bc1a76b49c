"""What mails are about: whom one can write to, what a letter is made of, the figures of a receipt. Pure."""

from typing import Any

import msgspec

from mercato.contracts.notifications import Template
from mercato.contracts.orders import Order
from mercato.contracts.stores import Store
from mercato.contracts.users import Contact
from mercato.values.commerce import Address
from mercato.values.ids import MailId
from mercato.values.money import Money

GUEST = "gst_"

REASONS = {
    "sold_out": "Something in it was sold before your order came through.",
    "expired": "It was not paid in time.",
    "by_staff": "The shop has cancelled it.",
}


class Letter(msgspec.Struct, frozen=True):
    """A mail before it is written. `origin` is what its links begin with; `values` are for its template alone."""

    mail_id: MailId
    template: Template
    store: Store
    contact: Contact
    origin: str
    values: dict[str, Any]


def can_be_written_to(user_id: str) -> bool:
    """Whether somebody with an address is behind this buyer: guests and nobody have none."""
    return bool(user_id) and not user_id.startswith(GUEST)


def origin_of(store: Store, installation: str) -> str:
    """Where links lead: the configured address of the store, never what a request said (S40)."""
    return store.url or f"{installation}/s/{store.handle}"


def one_line(text: str) -> str:
    """Text for a header: no line breaks and no other control characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def order_values(order: Order) -> dict[str, Any]:
    """What receipts and cancellations show of an order; amounts as text."""

    def money(amount: int) -> str:
        return str(Money(amount, order.currency))

    return {
        "order_id": order.id,
        "lines": [
            {
                "title": one_line(line.title),
                "options": one_line(line.options),
                "sku": one_line(line.sku),
                "quantity": line.quantity,
                "unit_price": money(line.unit_price),
                "total": money(line.total),
            }
            for line in order.lines
        ],
        "shipping": money(order.shipping),
        "tax": money(order.tax),
        "tax_included": order.tax_included,
        "total": money(order.total),
        "refunded": money(order.captured) if order.captured else "",
        "destination": address_lines(order.destination),
        "billing": address_lines(order.billing),
        "reason": REASONS.get(order.cancel_reason, ""),
    }


def address_lines(address: Address) -> list[str]:
    """An address as the lines of a label."""
    town = " ".join(part for part in (address.postal_code, address.city) if part)
    lines = (address.name, address.street, address.street2, town, address.region, address.country)
    return [line for line in map(one_line, lines) if line]
