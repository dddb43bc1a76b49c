"""One product of a Shopify CSV file, put together row by row."""

import msgspec
from msgspec import Struct

from mercato.contracts.catalog import Image, Option, Spec, Status
from mercato.services.catalog.adapters import fields
from mercato.services.catalog.adapters.fields import Rejected
from mercato.services.catalog.adapters.records import Fault, ImportedProduct, ImportedVariant
from mercato.services.catalog.adapters.shopify_columns import Columns

# Shopify writes this option and this value for a product that has no options.
_NO_OPTION = "Title"
_NO_CHOICE = "Default Title"
_NO_CATEGORY = "uncategorized"
_LAST = fields.MAX_FIGURE + 1  # images without a position come after those that have one


class _Choice(Struct):
    """An option of the product: where its name and value stand in a row, and its values so far, in order."""

    name: str
    name_at: int
    value_at: int
    values: dict[str, None]


class Product:
    """A product while its rows come in. It begins with its first row, which must also be added.

    Raises Rejected when that row describes no product that could be taken in.
    """

    def __init__(self, columns: Columns, currency: str, line: int, row: list[str]) -> None:
        names = columns.names
        self._columns = columns
        self._currency = currency
        self._line = line
        self._handle = fields.handle(row[columns.handle], names[columns.handle])
        self._title = fields.required(row[columns.title], names[columns.title], fields.MAX_TITLE)
        self._description = fields.html(row[columns.body], names[columns.body])
        self._vendor = fields.text(row[columns.vendor], names[columns.vendor], fields.MAX_TEXT)
        self._type = fields.text(row[columns.type], names[columns.type], fields.MAX_TEXT)
        self._tags = fields.tags(row[columns.tags].split(","), names[columns.tags])
        self._category = _category_path(columns, row)
        self._specs = _specs(columns, row)
        self._status = _status(columns, row)
        self._choices = _choices(columns, row)
        named = [choice.value_at for choice in self._choices]
        self._unnamed = [value_at for _, value_at in columns.options if value_at >= 0 and value_at not in named]
        self._images: dict[str, tuple[int, Image]] = {}
        self._taken: dict[tuple[str, ...], int] = {}
        self.variants: list[ImportedVariant] = []

    def add(self, line: int, row: list[str]) -> list[Fault]:
        """Add the variant and the image of a row; the warnings. Raises Rejected, and then nothing was added."""
        columns = self._columns
        warnings: list[Fault] = []
        variant = None
        for index in columns.of_variants:
            if row[index]:
                variant = self._variant(line, row, warnings)
                break
        image = self._image(row) if row[columns.image] else None
        if variant:
            self._add_variant(variant, warnings)
        elif not image and line != self._line:
            raise Rejected("", "has neither a variant nor an image")
        if image:
            self._images.setdefault(image[1].url, image)
        return warnings

    def close(self) -> list[Fault]:
        """The last warnings, when no more rows follow."""
        if self.variants:
            return []
        # A product that is only described has one variant, whose price is to be set later.
        self._choices = []
        warnings: list[Fault] = []
        self._add_variant(ImportedVariant(line=self._line), warnings)
        return warnings

    def finished(self, ordinal: int) -> ImportedProduct:
        options = tuple([Option(choice.name, tuple(choice.values)) for choice in self._choices])
        variants = tuple(self.variants)
        if options == (Option(_NO_OPTION, (_NO_CHOICE,)),):
            options = ()
            variants = (msgspec.structs.replace(variants[0], options=()),)
        return ImportedProduct(
            ordinal=ordinal,
            line=self._line,
            handle=self._handle,
            title=self._title,
            description=self._description,
            vendor=self._vendor,
            type=self._type,
            tags=self._tags,
            category_path=self._category,
            options=options,
            variants=variants,
            images=tuple([image for _, image in sorted(self._images.values(), key=_position)]),
            specs=self._specs,
            status=self._status,
        )

    def _add_variant(self, variant: ImportedVariant, warnings: list[Fault]) -> None:
        self.variants.append(variant)
        self._taken[variant.options] = variant.line
        for choice, value in zip(self._choices, variant.options, strict=True):
            choice.values[value] = None
        if variant.price is None:
            column = self._columns.names[self._columns.price]
            warnings.append(Fault(variant.line, column, "is empty: the product is imported as a draft", "warning"))
            if self._status == "active":
                self._status = "draft"

    def _variant(self, line: int, row: list[str], warnings: list[Fault]) -> ImportedVariant:
        columns, names = self._columns, self._columns.names
        if len(self.variants) >= fields.MAX_VARIANTS:
            raise Rejected("", f"does not fit: the product already has {fields.MAX_VARIANTS:,} variants")
        return ImportedVariant(
            line=line,
            options=self._chosen(row),
            sku=fields.text(row[columns.sku], names[columns.sku], fields.MAX_SKU),
            # The apostrophe keeps spreadsheets from taking the code for a number.
            barcode=fields.text(row[columns.barcode].removeprefix("'"), names[columns.barcode], fields.MAX_BARCODE),
            grams=fields.grams(row[columns.grams], names[columns.grams]),
            price=fields.amount(row[columns.price], self._currency, names[columns.price]),
            # Exports say 0 where there was no earlier price.
            compare_at=fields.amount(row[columns.compare_at], self._currency, names[columns.compare_at]) or None,
            quantity=self._quantity(line, row, warnings),
            image=fields.url(row[columns.variant_image], names[columns.variant_image]),
        )

    def _chosen(self, row: list[str]) -> tuple[str, ...]:
        """The option values of a variant, which must differ from those of every other."""
        names = self._columns.names
        chosen = []
        for choice in self._choices:
            name, value = row[choice.name_at], row[choice.value_at]
            if name and name.strip() != choice.name:
                reason = f"is {fields.shown(name)}, but the product's first row says {fields.shown(choice.name)}"
                raise Rejected(names[choice.name_at], reason)
            if not value and choice.name == _NO_OPTION:
                value = _NO_CHOICE
            chosen.append(fields.required(value, names[choice.value_at], fields.MAX_OPTION_VALUE))
        for value_at in self._unnamed:
            unnamed = row[value_at].strip()
            if unnamed and unnamed != _NO_CHOICE:
                reason = f"is {fields.shown(unnamed)}, but the product's first row does not name that option"
                raise Rejected(names[value_at], reason)
        values = tuple(chosen)
        if values in self._taken:
            what = f"the option values {fields.shown(' / '.join(values))}" if values else "no option values"
            raise Rejected(names[self._columns.options[0][1]], f"{what}: as the variant on line {self._taken[values]}")
        return values

    def _quantity(self, line: int, row: list[str], warnings: list[Fault]) -> int | None:
        columns = self._columns
        if not row[columns.quantity]:
            return None
        column = columns.names[columns.quantity]
        quantity = fields.whole(row[columns.quantity], column)
        if quantity < 0:
            warnings.append(Fault(line, column, f"is {quantity}: the stock is taken as 0", "warning"))
            return 0
        # Without a tracker Shopify counts no stock and exports 0; a merchant who filled in more means it.
        is_counted = columns.tracker < 0 or row[columns.tracker]
        return quantity if quantity or is_counted else None

    def _image(self, row: list[str]) -> tuple[int, Image] | None:
        columns, names = self._columns, self._columns.names
        url = fields.url(row[columns.image], names[columns.image])
        if not url:
            return None
        if len(self._images) >= fields.MAX_IMAGES and url not in self._images:
            raise Rejected(names[columns.image], f"does not fit: the product already has {fields.MAX_IMAGES} images")
        position = row[columns.position].strip()
        alt = fields.text(row[columns.alt], names[columns.alt], fields.MAX_TEXT)
        return fields.whole(position, names[columns.position]) if position else _LAST, Image(url, alt)


def _position(image: tuple[int, Image]) -> int:
    return image[0]


def _choices(columns: Columns, row: list[str]) -> list[_Choice]:
    choices = []
    for name_at, value_at in columns.options:
        name = fields.text(row[name_at], columns.names[name_at], fields.MAX_NAME)
        if name:
            choices.append(_Choice(name, name_at, value_at, {}))
    return choices


def _category_path(columns: Columns, row: list[str]) -> tuple[str, ...]:
    given = row[columns.category]
    if given and given.strip().casefold() != _NO_CATEGORY:
        return fields.category_path(given.split(">"), columns.names[columns.category])
    return fields.category_path([row[columns.type]], columns.names[columns.type])


def _specs(columns: Columns, row: list[str]) -> tuple[Spec, ...]:
    specs = []
    for index, name in columns.specs:
        value = row[index]
        if value:
            specs.append(Spec(name, fields.text(value, columns.names[index], fields.MAX_SPEC_VALUE)))
    if len(specs) > fields.MAX_SPECS:
        raise Rejected("", f"has {len(specs)} metafields and the like: at most {fields.MAX_SPECS} fit")
    return tuple(specs)


def _status(columns: Columns, row: list[str]) -> Status:
    given = row[columns.status]
    if given.strip():
        return fields.status(given, columns.names[columns.status])
    published = row[columns.published].strip().casefold()
    if published not in ("", "true", "false"):
        raise Rejected(columns.names[columns.published], f"{fields.shown(published)} is neither true nor false")
    return "draft" if published == "false" else "active"
