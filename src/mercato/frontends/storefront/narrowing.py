"""Narrowing a list: what the address of a page asks for, how a search asks for it, and the chips that take it back.

Addresses of pages have the parameters of `GET /v1/search`, but for `price`, which is a range "LOW-HIGH" in minor units
(either side may be empty).
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import msgspec

from mercato.contracts.search import Facet, Mark, SearchProducts
from mercato.frontends.storefront.formats import Formats
from mercato.frontends.storefront.texts import FACETS, YES_NO
from mercato.values.messages import Malformed

LONGEST = 300  # characters of what is typed that are looked at
OPTION = "option."

_SEVERAL = frozenset({"brand", "seller"})
_ONE = frozenset({"category", "price", "rating", "in_stock"})
_RANGE = re.compile(r"(\d{0,15})-(\d{0,15})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

Pairs = tuple[tuple[str, str], ...]


class Chip(msgspec.Struct, frozen=True):
    """A filter that is chosen, and the address without it."""

    name: str
    text: str
    address: str


class Choice(msgspec.Struct, frozen=True):
    """A value that may be ticked."""

    value: str
    text: str
    count: int
    chosen: bool


class Group(msgspec.Struct, frozen=True):
    """The choices of one facet; `single`: one of them at most."""

    name: str
    text: str
    choices: tuple[Choice, ...]
    single: bool


class Narrowed(msgspec.Struct, frozen=True):
    """What an address asks for: what was typed, and filters as they were given."""

    typed: str
    filters: Pairs

    def search(self, **given: Any) -> SearchProducts:
        """The search for it. Raises Malformed for filters that nobody can mean."""
        values: dict[str, Any] = {"q": self.typed, "options": {}}
        for name, value in self.filters:
            if name.startswith(OPTION):
                values["options"].setdefault(name.removeprefix(OPTION), []).append(value)
            elif name in _SEVERAL:
                values.setdefault(name, []).append(value)
            elif name == "price":
                values |= _limits(value)
            else:
                values[name] = value
        try:
            return msgspec.convert({**values, **given}, SearchProducts, strict=False)
        except msgspec.ValidationError as error:
            raise Malformed(str(error)) from None


def read_narrowed(pairs: Iterable[tuple[str, str]]) -> Narrowed:
    """Whatever a browser has sent: a filter of which there may be one counts once, what is empty asks for nothing."""
    typed = ""
    filters: dict[tuple[str, str], None] = {}
    for name, given in pairs:
        value = _CONTROL.sub(" ", given).strip()
        if name == "q":
            typed = value[:LONGEST]
        elif value and _may_follow(name, filters):
            filters[name, value] = None
    return Narrowed(typed, tuple(filters))


def _may_follow(name: str, filters: Iterable[tuple[str, str]]) -> bool:
    """Whether this is a filter, and one that may stand beside those."""
    if name in _ONE:
        return all(known != name for known, _ in filters)
    return name in _SEVERAL or (name.startswith(OPTION) and name != OPTION)


def address_of(path: str, *pairs: tuple[str, str]) -> str:
    """A path with parameters, those that are empty left out."""
    given = [(name, value) for name, value in pairs if value]
    return f"{path}?{urlencode(given)}" if given else path


def chips_of(narrowed: Narrowed, facets: Iterable[Facet], labels: "Labels", path: str, kept: Pairs) -> tuple[Chip, ...]:
    """A chip for each filter. `kept` is what the addresses say beside the filters."""
    names = {(facet.name, value.value): value.label for facet in facets for value in facet.values}
    return tuple(
        Chip(
            labels.name(name),
            labels.value(name, value, names.get((name, value), value)),
            address_of(path, *kept, *(each for each in narrowed.filters if each != (name, value))),
        )
        for name, value in narrowed.filters
    )


def groups_of(facets: Iterable[Facet], narrowed: Narrowed, labels: "Labels") -> tuple[Group, ...]:
    """The facets that narrow anything."""
    chosen = set(narrowed.filters)
    groups = []
    for facet in facets:
        choices = tuple(
            Choice(
                value.value,
                labels.value(facet.name, value.value, value.label),
                value.count,
                (facet.name, value.value) in chosen,
            )
            for value in facet.values
            if facet.name != "in_stock" or value.value == "true"
        )
        if len(choices) > 1 or any(choice.chosen for choice in choices) or (choices and facet.name == "in_stock"):
            groups.append(Group(facet.name, labels.name(facet.name), choices, facet.name in _ONE - {"in_stock"}))
    return tuple(groups)


def parts_of(text: str, marks: Iterable[Mark]) -> tuple[tuple[str, bool], ...]:
    """A text cut where its marks begin and end: each part, and whether it is marked."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for mark in marks:
        parts += [(text[at : mark.start], False), (text[mark.start : mark.end], True)]
        at = mark.end
    return tuple(part for part in (*parts, (text[at:], False)) if part[0])


class Labels:
    """What filters and their values are called, with amounts of one currency."""

    def __init__(self, formats: Formats, currency: str) -> None:
        self._formats = formats
        self._currency = currency

    def name(self, name: str) -> str:
        return FACETS.get(name) or name.removeprefix(OPTION).capitalize()

    def value(self, name: str, value: str, label: str) -> str:
        match name:
            case "price":
                return self._range(value)
            case "rating":
                return f"{value} stars and more"
            case "in_stock":
                return YES_NO.get(value, value)
        return label

    def _range(self, value: str) -> str:
        low, _, high = value.partition("-")
        lowest, highest = (self._formats.money(int(each), self._currency) if each else "" for each in (low, high))
        if lowest and highest:
            return f"{lowest} to {highest}"
        return f"{lowest} and more" if lowest else f"up to {highest}"


def _limits(value: str) -> dict[str, int]:
    found = _RANGE.fullmatch(value)
    if found is None or value == "-":
        raise Malformed("`price` is a range, as in 1000-1999")
    return {name: int(text) for name, text in zip(("price_min", "price_max"), found.groups(), strict=True) if text}
