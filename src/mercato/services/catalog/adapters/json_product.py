"""One product from the fields of our own JSON format."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from mercato.contracts.catalog import Image, Option, Spec
from mercato.services.catalog.adapters import fields
from mercato.services.catalog.adapters.fields import Rejected
from mercato.services.catalog.adapters.records import ImportedProduct, ImportedVariant

VARIANT_FIELDS = frozenset({"sku", "barcode", "grams", "price", "compare_at", "quantity"})
PRODUCT_FIELDS = VARIANT_FIELDS | {
    *("handle", "title", "description", "vendor", "type", "tags", "category", "status"),
    *("options", "variants", "images", "specs"),
}

_DEEPEST = 8  # levels of nesting that become specs of their own; what lies deeper is kept as JSON text


_Warning = tuple[str, str]  # the field, and what was changed in it to take the product in
_Options = dict[str, dict[str, None]]  # option values by the name of the option, both in the order shown


def build_product(
    given: dict[str, Any], currency: str, line: int, ordinal: int
) -> tuple[ImportedProduct, list[_Warning]]:
    """The product that the fields `given` describe; and pairs of a field and what was changed in it to take it in.

    Numbers with a decimal point are expected as texts. Raises Rejected.
    """
    warnings: list[_Warning] = []
    options = _options(given.get("options"))
    variants = tuple(_variants(given, options, _Figures(currency, line, warnings)))
    if len({variant.options for variant in variants}) < len(variants):
        raise Rejected("variants", _equal_variants(variants))
    for variant in variants:
        for values, value in zip(options.values(), variant.options, strict=True):
            values.setdefault(value)
    status = fields.status(_text(given, "status", fields.MAX_TEXT) or "active", "status")
    if status == "active" and any(variant.price is None for variant in variants):
        status = "draft"
    product = ImportedProduct(
        ordinal=ordinal,
        line=line,
        handle=fields.handle(_text(given, "handle", fields.MAX_TEXT), "handle"),
        title=fields.required(_text(given, "title", fields.MAX_TITLE), "title", fields.MAX_TITLE),
        description=fields.html(_text(given, "description", None), "description"),
        vendor=_text(given, "vendor", fields.MAX_TEXT),
        type=_text(given, "type", fields.MAX_TEXT),
        tags=fields.tags(_texts(given.get("tags"), "tags", ","), "tags"),
        category_path=fields.category_path(_texts(given.get("category"), "category", ">"), "category"),
        options=tuple(Option(name, tuple(values)) for name, values in options.items()),
        variants=variants,
        images=_images(given.get("images")),
        specs=_specs(given.get("specs")),
        status=status,
    )
    return product, warnings


class _Figures(Struct, frozen=True):
    """What the variants of one product are read with."""

    currency: str
    line: int
    warnings: list[_Warning]

    def variant(self, given: dict[str, Any], options: tuple[str, ...], where: str = "") -> ImportedVariant:
        price = self._amount(given, "price", where)
        if price is None:
            self.warnings.append((where + "price", "is empty: the product is imported as a draft"))
        return ImportedVariant(
            line=self.line,
            options=options,
            sku=_text(given, "sku", fields.MAX_SKU, where),
            barcode=_text(given, "barcode", fields.MAX_BARCODE, where),
            grams=fields.grams(_text(given, "grams", None, where), where + "grams"),
            price=price,
            compare_at=self._amount(given, "compare_at", where) or None,
            quantity=self._quantity(_text(given, "quantity", None, where), where + "quantity"),
            image=fields.url(_text(given, "image", None, where), where + "image"),
        )

    def _amount(self, given: dict[str, Any], field: str, where: str) -> int | None:
        return fields.amount(_text(given, field, None, where), self.currency, where + field)

    def _quantity(self, given: str, column: str) -> int | None:
        if not given:
            return None
        quantity = fields.whole(given, column)
        if quantity < 0:
            self.warnings.append((column, f"is {quantity}: the stock is taken as 0"))
        return max(quantity, 0)


def _variants(given: dict[str, Any], options: _Options, figures: _Figures) -> Iterator[ImportedVariant]:
    listed = given.get("variants")
    if not listed:
        if options:
            raise Rejected("options", "need `variants` that say which values they have")
        yield figures.variant({field: given.get(field) for field in VARIANT_FIELDS}, ())
        return
    for field in VARIANT_FIELDS:
        if given.get(field) not in (None, ""):
            raise Rejected(field, "stands beside `variants`: give it in each of them")
    for index, item in enumerate(_list(listed, "variants", fields.MAX_VARIANTS)):
        where = f"variants[{index}]."
        if not isinstance(item, dict):
            raise Rejected(where[:-1], "must be an object")
        values = _values(item.get("options"), where + "options")
        if len(values) != len(options):
            reason = f"has {len(values)} values, but the product has {len(options)} options"
            raise Rejected(where + "options", reason)
        yield figures.variant(item, tuple(values), where)


def _values(given: Any, column: str) -> list[str]:
    """The option values in a list."""
    values = _list(given, column, fields.MAX_VARIANTS)
    return [fields.required(_scalar(value, column), column, fields.MAX_OPTION_VALUE) for value in values]


def _equal_variants(variants: tuple[ImportedVariant, ...]) -> str:
    first: dict[tuple[str, ...], int] = {}
    for index, variant in enumerate(variants):
        if first.setdefault(variant.options, index) != index:
            break
    values = fields.shown(" / ".join(variant.options))
    return f"number {first[variant.options]} and number {index} have the same option values, {values}"


def _options(given: Any) -> _Options:
    """The options with the values that the file lists for them, which may be none."""
    options: _Options = {}
    for item in _list(given, "options", fields.MAX_OPTIONS):
        named = item if isinstance(item, dict) else {"name": item}
        name = fields.required(_text(named, "name", fields.MAX_NAME, "options."), "options", fields.MAX_NAME)
        if name in options:
            raise Rejected("options", f"{fields.shown(name)} stands there twice")
        options[name] = dict.fromkeys(_values(named.get("values"), "options"))
    return options


def _images(given: Any) -> tuple[Image, ...]:
    images: dict[str, Image] = {}
    for item in _list([given] if isinstance(given, str) else given, "images", fields.MAX_IMAGES):
        named = item if isinstance(item, dict) else {"url": item}
        url = fields.url(_text(named, "url", None, "images."), "images")
        if url:
            images.setdefault(url, Image(url, _text(named, "alt", fields.MAX_TEXT, "images.")))
    return tuple(images.values())


def _specs(given: Any) -> tuple[Spec, ...]:
    pairs: list[tuple[str, Any]] = []
    if isinstance(given, dict):
        pairs += given.items()
    else:
        for item in _list(given, "specs", fields.MAX_SPECS):
            if not isinstance(item, dict):
                raise Rejected("specs", "must be objects with `name` and `value`")
            pairs.append((_text(item, "name", fields.MAX_SPEC_NAME, "specs."), item.get("value")))
    specs = []
    for pair in pairs:
        for path, value in flattened(*pair):
            name = fields.required(path, "specs", fields.MAX_SPEC_NAME)
            specs.append(Spec(name, fields.text(value, f"specs.{name}", fields.MAX_SPEC_VALUE)))
    if len(specs) > fields.MAX_SPECS:
        raise Rejected("specs", f"has {len(specs)} specs: at most {fields.MAX_SPECS} fit")
    return tuple(specs)


def flattened(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """A value as texts: an object becomes one text for each of its parts, named with dots; nothing gives nothing."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, part in value.items():
            yield from flattened(f"{name}.{key}", part, depth + 1)
        return
    text = plain(value)
    if text and not text.isspace():
        yield name, text


def plain(value: Any) -> str:
    """A value as one text: a list with commas, "" for nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(part, (list, dict)) for part in value):
        return ", ".join(filter(None, map(plain, value)))
    return str(value) if isinstance(value, int) else msgspec.json.encode(value).decode()


def _text(given: dict[str, Any], field: str, limit: int | None, where: str = "") -> str:
    value = given.get(field)
    text = value if isinstance(value, str) else _scalar(value, where + field)
    return text if limit is None else fields.text(text, where + field, limit)


def _scalar(value: Any, column: str) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Rejected(column, "must be a text or a number")


def _texts(given: Any, column: str, separator: str) -> list[str]:
    """A list of texts, or one text with separators."""
    if isinstance(given, str):
        return given.split(separator)
    return [_scalar(value, column) for value in _list(given, column, None)]


def _list(given: Any, column: str, limit: int | None) -> list[Any]:
    if given is None or given == "":
        return []
    if not isinstance(given, list):
        raise Rejected(column, "must be a list")
    if limit is not None and len(given) > limit:
        raise Rejected(column, f"has {len(given):,} entries: at most {limit:,} fit")
    return given
