"""How documents lie in an OpenSearch index: its settings and fields, and a document as it takes it."""

from base64 import b64encode
from typing import Any

from mercato.services.search.finding.documents import ALL, LAYOUT, ORDERS, TEXTS, Document, key_of, option_key

MARK = "mark"  # the id of the document that keeps the mark

_TEXT = {"type": "text", "analyzer": "whitespace"}
_KEYWORD = {"type": "keyword"}
_FILTER = {"type": "keyword", "doc_values": False}
_NUMBER = {"type": "long", "index": False}


def index_of(shards: int, rebuilds: int) -> dict[str, Any]:
    """Settings and fields of a new index. Documents come with their words made, with spaces between them."""
    fields: dict[str, Any] = dict.fromkeys(TEXTS, _TEXT)
    fields |= dict.fromkeys(("store", "key"), _FILTER)
    fields |= dict.fromkeys(("category", "brand", "seller", "options"), _KEYWORD)
    fields |= {name: {"type": "long"} for name in ("price", "rating", "available")}
    fields |= {f"order_{name}": _NUMBER for name in ORDERS}
    fields |= {
        ALL: {**_TEXT, "index_options": "docs", "norms": False},
        "exact": {**_TEXT, "index_options": "freqs"},
        "vocabulary": {"type": "keyword", "index": False},
        "prior": {"type": "float", "index": False},
        "mark": {"type": "long", "index": False},
        "payload": {"type": "binary"},
    }
    return {
        "settings": {
            "number_of_shards": shards,
            "auto_expand_replicas": "0-1",
            "refresh_interval": -1,  # whoever writes makes it seen
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {"layout": LAYOUT, "rebuilds": rebuilds},
            "_source": {"includes": ["payload", "mark"]},
            "properties": fields,
        },
    }


def make_document(document: Document) -> dict[str, Any]:
    made: dict[str, Any] = {
        **document.texts,
        "store": document.store,
        "key": key_of(document.store, document.id),
        "category": document.category,
        "options": [
            option_of(f"option.{name}", value) for name, values in document.options.items() for value in values
        ],
        "rating": document.rating,
        "available": int(document.available),
        "prior": document.prior,
        "vocabulary": document.words,
        "payload": b64encode(document.payload).decode(),
    }
    made |= {f"order_{name}": number for name, number in document.orders.items()}
    named = {"brand": document.brand, "seller": document.seller, "price": document.price}
    return made | {name: value for name, value in named.items() if value not in ("", None)}


def option_of(name: str, value: str) -> str:
    """A value of an option as the field of all options has it; `name` is that of the facet."""
    return f"{option_key(name.removeprefix('option.'))}={value}"


def options_of(name: str) -> str:
    """All values of an option, as a regular expression: its key has letters and digits only."""
    return f"{option_key(name.removeprefix('option.'))}=.*"
