"""Which column of a Shopify CSV file holds what: found by name, in the older and the newer wording, in any order."""

import re

from msgspec import Struct

from mercato.services.catalog.adapters.lines import MAX_ROW, Lines

MAX_COLUMNS = 2_000

# Capitals do not matter. The newer wording of the same export stands last; a file with both words for one thing would
# give two answers to one question.
_WORDINGS = {
    "handle": ("Handle", "URL handle"),
    "title": ("Title",),
    "body": ("Body (HTML)", "Description"),
    "vendor": ("Vendor",),
    "category": ("Product Category", "Standard Product Type"),
    "type": ("Type", "Custom Product Type"),
    "tags": ("Tags",),
    "published": ("Published", "Published on online store"),
    "status": ("Status",),
    "option1_name": ("Option1 Name",),
    "option1_value": ("Option1 Value",),
    "option2_name": ("Option2 Name",),
    "option2_value": ("Option2 Value",),
    "option3_name": ("Option3 Name",),
    "option3_value": ("Option3 Value",),
    "sku": ("Variant SKU", "SKU"),
    "barcode": ("Variant Barcode", "Barcode"),
    "price": ("Variant Price", "Price"),
    "compare_at": ("Variant Compare At Price", "Compare-at price"),
    "quantity": ("Variant Inventory Qty", "Inventory quantity"),
    "tracker": ("Variant Inventory Tracker", "Inventory tracker"),
    "grams": ("Variant Grams", "Weight value (grams)"),
    "variant_image": ("Variant Image", "Variant image URL"),
    "image": ("Image Src", "Product image URL"),
    "position": ("Image Position",),
    "alt": ("Image Alt Text",),
}
_FIELDS = {wording.casefold(): field for field, wordings in _WORDINGS.items() for wording in wordings}
_METAFIELD = re.compile(r"(.*\S)\s*\(product\.metafields\.[^()]+\)", re.IGNORECASE | re.DOTALL)
_GOOGLE = "google shopping / "
_MAX_NAME = 200


class Columns(Struct, frozen=True):
    """The index of each column; -1 for one that the file does not have.

    `names` are all names of the file and one more, "", for the index -1. `options` are pairs of the columns of an
    option's name and value, `of_variants` the columns that make a row a variant, `specs` the columns kept as specs
    with the names of those.
    """

    names: tuple[str, ...]
    handle: int
    title: int
    body: int
    vendor: int
    category: int
    type: int
    tags: int
    published: int
    status: int
    sku: int
    barcode: int
    price: int
    compare_at: int
    quantity: int
    tracker: int
    grams: int
    variant_image: int
    image: int
    position: int
    alt: int
    options: tuple[tuple[int, int], ...]
    of_variants: tuple[int, ...]
    specs: tuple[tuple[int, str], ...]

    @property
    def width(self) -> int:
        return len(self.names) - 1


def find_columns(header: list[str] | None, line: int, lines: Lines) -> Columns:
    """The columns that the header on `line` names. Raises BrokenFile when a product could not be told by them."""
    if header is None or len(header) > MAX_COLUMNS:
        raise lines.broken(
            f"the header is longer than {MAX_ROW:,} bytes or {MAX_COLUMNS:,} columns. "
            "The first row must name the columns.",
            line,
        )
    names = tuple(name.strip()[:_MAX_NAME] for name in header)
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        field = _FIELDS.get(name.casefold())
        if field is None:
            continue
        if field in found:
            both = f"{names[found[field]]!r} and {name!r}"
            raise lines.broken(f"the columns {both} mean the same. Remove one of them.", line)
        found[field] = index
    for field in ("handle", "title"):
        if field not in found:
            raise lines.broken(_missing(_WORDINGS[field][0], names), line)

    def at(field: str) -> int:
        return found.get(field, -1)

    options = tuple((at(f"option{n}_name"), at(f"option{n}_value")) for n in (1, 2, 3))
    of_variants = [value for _, value in options]
    of_variants += [at(field) for field in ("sku", "barcode", "price", "compare_at", "quantity")]
    plain = {field: at(field) for field in _WORDINGS if not field.startswith("option")}
    return Columns(
        (*names, ""),
        **plain,
        options=options,
        of_variants=tuple(index for index in of_variants if index >= 0),
        specs=_specs(names),
    )


def _missing(wanted: str, names: tuple[str, ...]) -> str:
    reason = f"the header names no column {wanted!r}. The first row must name the columns, Handle and Title among them."
    if len(names) == 1 and re.search(r"[;\t]", names[0]):
        reason += " Separate the columns by commas."
    return reason


def _specs(names: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Metafields go by the name that people gave them; where two have the same, the later one keeps its full name."""
    specs: dict[str, int] = {}
    for index, name in enumerate(names):
        metafield = _METAFIELD.fullmatch(name)
        if metafield:
            short = metafield[1]
            specs.setdefault(name if short in specs else short, index)
        elif name.casefold().startswith(_GOOGLE):
            specs.setdefault(name, index)
    return tuple((index, name) for name, index in specs.items())
