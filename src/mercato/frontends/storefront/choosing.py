"""Which variant of a product is chosen, and what each value of its options would lead to. Pure."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from mercato.contracts.catalog import Product, Variant

State = Literal["available", "sold_out", "missing"]


class Value(msgspec.Struct, frozen=True):
    """A value of an option. `state` is that of the variant with this value and the other choices as they are."""

    text: str
    chosen: bool
    state: State


class Choice(msgspec.Struct, frozen=True):
    """An option with its values; `field` is its name in forms and query strings."""

    field: str
    name: str
    values: tuple[Value, ...]


class Chosen(msgspec.Struct, frozen=True):
    """`variant` None: no variant has these values."""

    choices: tuple[Choice, ...]
    variant: Variant | None

    @property
    def values(self) -> dict[str, str]:
        """The chosen values by field name."""
        return {choice.field: value.text for choice in self.choices for value in choice.values if value.chosen}


def field_of(place: int) -> str:
    """The field name of a product's first, second or third option."""
    return f"option{place + 1}"


def choose(product: Product, given: Mapping[str, str]) -> Chosen:
    """What is chosen of a product; what is not given, or is no value of its option, is chosen for the shopper."""
    wanted = [
        text if (text := given.get(field_of(place), "")) in option.values else None
        for place, option in enumerate(product.options)
    ]
    values = _completed(product, wanted)
    by_values = {variant.options: variant for variant in product.variants}
    choices = tuple(
        Choice(
            field_of(place),
            option.name,
            tuple(
                Value(text, text == values[place], _state(by_values.get((*values[:place], text, *values[place + 1 :]))))
                for text in option.values
            ),
        )
        for place, option in enumerate(product.options)
    )
    return Chosen(choices, by_values.get(values))


def can_be_sold(variant: Variant) -> bool:
    return variant.price is not None and variant.available > 0


def _completed(product: Product, wanted: list[str | None]) -> tuple[str, ...]:
    """The wanted values, and for the rest those of the first variant that fits and can be sold."""
    fitting = [
        variant
        for variant in product.variants
        if all(text is None or text == own for text, own in zip(wanted, variant.options, strict=False))
    ]
    best = next(filter(can_be_sold, fitting), None) or next(iter(fitting), None) or product.variants[0]
    return tuple(best.options[place] if text is None else text for place, text in enumerate(wanted))


def _state(variant: Variant | None) -> State:
    if variant is None:
        return "missing"
    return "available" if can_be_sold(variant) else "sold_out"
