"""Addresses in forms: where an order goes, and whom it is billed to."""

from collections.abc import Collection

import msgspec

from mercato.frontends.storefront import texts
from mercato.frontends.storefront.forms import Form
from mercato.values.commerce import Address

DELIVERY, BILLING = "delivery_", "billing_"
FIELDS = ("name", "street", "street2", "postal_code", "city", "region", "country", "phone")
SAME = "billing_is_delivery"

_MOST = {"postal_code": 20, "phone": 40}
_OPTIONAL = frozenset({"street2", "region", "phone", "postal_code"})


class Addresses(msgspec.Struct, frozen=True):
    """`billing` None: the bill goes where the goods go."""

    delivery: Address
    billing: Address | None


def read_addresses(form: Form, countries: Collection[str]) -> Addresses | None:
    """The addresses of a checkout form; None, with the errors noted, when something is wrong with them."""
    delivery = _read(form, DELIVERY, countries)
    billing = None if form.text(SAME) else _read(form, BILLING, countries)
    if not form.ok or delivery is None:
        return None
    return Addresses(delivery, billing)


def fill_addresses(form: Form, delivery: Address | None, billing: Address | None) -> None:
    """Put addresses into a form that has not been typed into yet."""
    for prefix, address in ((DELIVERY, delivery), (BILLING, billing)):
        if address is not None:
            form.values.update({prefix + name: getattr(address, name) for name in FIELDS})
    if billing is None or billing == delivery:
        form.values[SAME] = "yes"


def address_values(form: Form) -> list[tuple[str, str]]:
    """Names and values of the address fields, to be carried through a page in hidden fields."""
    names = [prefix + name for prefix in (DELIVERY, BILLING) for name in FIELDS]
    return [(name, form.values[name]) for name in (*names, SAME) if name in form.values]


def _read(form: Form, prefix: str, countries: Collection[str]) -> Address | None:
    values = {
        name: form.line(prefix + name, required=name not in _OPTIONAL, most=_MOST.get(name, 120))
        for name in FIELDS
        if name != "country"
    }
    country = form.text(prefix + "country")
    if country not in countries:
        form.refuse(prefix + "country", texts.FIELD_COUNTRY)
    if any(name.startswith(prefix) for name in form.errors):
        return None
    return msgspec.convert({**values, "country": country}, Address)
