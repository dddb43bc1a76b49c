"""How documents lie in a tantivy index: its fields, and a document as tantivy takes it."""

from hashlib import blake2b
from typing import Any

import tantivy

from mercato.services.search.finding.documents import ALL, ORDERS, TEXTS, Document, key_of, option_key

WORDS = "words"  # the analyser: documents come with their words made, with spaces between them
NAMED = {"brand": "brand_number", "seller": "seller_number"}  # facets of many values are counted by their numbers
NUMBERS = ("price", "rating", "available")

_NAMES = {"brand": "brand_value", "in_stock": "available"}
_ORDER_NAMES = {"rating": "rating_order"}


def make_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in TEXTS:
        builder.add_text_field(name, tokenizer_name=WORDS, index_option="position" if name != "exact" else "freq")
    builder.add_text_field(ALL, tokenizer_name=WORDS, index_option="basic")
    builder.add_text_field("vocabulary", tokenizer_name=WORDS, index_option="basic")
    builder.add_text_field("store", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("key", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("category", fast=True, tokenizer_name="raw", index_option="basic")
    for name, number in NAMED.items():
        builder.add_text_field(field_of(name), tokenizer_name="raw", index_option="basic")
        builder.add_integer_field(number, fast=True)
    builder.add_json_field("options", fast=True, tokenizer_name="raw", index_option="basic")
    for name in NUMBERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    for name in ORDERS:
        builder.add_integer_field(order_field(name), fast=True)
    builder.add_float_field("prior", fast=True)
    builder.add_bytes_field("payload", stored=True)
    builder.add_integer_field("mark", stored=True)
    builder.add_integer_field("layout", stored=True)
    return builder.build()


def make_document(document: Document) -> tantivy.Document:
    fields: dict[str, Any] = {
        **document.texts,
        ALL: " ".join(key_of(document.store, word) for word in document.texts[ALL].split()),
        "vocabulary": vocabulary_terms(document),
        "store": document.store,
        "key": key_of(document.store, document.id),
        "rating": document.rating,
        "available": int(document.available),
        "prior": 2.0**document.prior - 2.0,  # tantivy multiplies scores by log2(2 + this)
        "payload": document.payload,
    }
    fields |= {order_field(name): number for name, number in document.orders.items()}
    made = tantivy.Document(**{name: [value] for name, value in fields.items()})
    for category in document.category:
        made.add_text("category", category)
    for name, value in (("brand", document.brand), ("seller", document.seller)):
        if value:
            made.add_text(field_of(name), value)
            made.add_integer(NAMED[name], number_of(value))
    if document.price is not None:
        made.add_integer("price", document.price)
    if document.options:
        made.add_json("options", {option_key(name): list(values) for name, values in document.options.items()})
    return made


def number_of(value: str) -> int:
    """A number of 48 bits for a value: counting numbers costs by the hits, counting texts by all values there are."""
    return int.from_bytes(blake2b(value.encode(), digest_size=6).digest())


def vocabulary_terms(document: Document) -> str:
    """Words of all stores lie in one field, each after its store; the empty one counts the entries."""
    return " ".join(f"{document.store}/{word}" for word in ("", *document.words))


def field_of(name: str) -> str:
    """The field of a filter or a facet."""
    option = name.removeprefix("option.")
    return f"options.{option_key(option)}" if option != name else _NAMES.get(name, name)


def order_field(name: str) -> str:
    return _ORDER_NAMES.get(name, name)
