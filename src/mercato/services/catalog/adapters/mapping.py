"""Mapping files: where foreign JSON keeps what our fields hold. A mapping file is TOML:

    keep_rest = true                    # keep every other foreign field as a spec; false when left out

    [fields]                            # our field = where it comes from; handle and title must be there
    handle = "asin"                     # a foreign field
    price = "offer.price"               # a field inside another one; "images.0" is the first of a list
    vendor = ["brand", "maker"]         # the first that is not empty
    handle = { slug = "name" }          # a text made fit for an address: "Red Shirt" becomes "red-shirt"
    description = { text = "about" }    # plain text as HTML paragraphs
    description = { list = "points" }   # a list, or the lines of a text, as an HTML list
    title = { join = ["brand", "name"], with = " " }    # all that are not empty, with a text between
    status = { value = "draft" }        # the same for every product

    [specs]                             # the name of a spec = where it comes from, in the same words
    Color = "color"

Where a foreign field stands, any of these forms may stand instead: `join = [{ text = "about" }, { list = "points" }]`.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mercato.services.catalog.adapters.html import bullets, paragraphs
from mercato.services.catalog.adapters.json_product import PRODUCT_FIELDS, flattened, plain

_MAX_SIZE = 1 << 20
_MAX_SLUG = 255
_DEEPEST = 8

_Item = dict[str, Any]


class BadMapping(ValueError):
    """The mapping file makes no sense; the message says where and what would."""


class _Origin(NamedTuple):
    """How to get a value out of a foreign object, and which fields it is made of."""

    get: Callable[[_Item], Any]
    paths: tuple[str, ...]


class Mapping:
    """Turns foreign objects into fields of our own JSON format. Made by `read_mapping`."""

    def __init__(self, fields: dict[str, _Origin], specs: dict[str, _Origin], keep_rest: bool) -> None:
        self._fields = fields
        self._specs = specs
        self._keep_rest = keep_rest
        self._used = {path for origin in (*fields.values(), *specs.values()) for path in origin.paths}

    def apply(self, item: _Item) -> _Item:
        given = {field: origin.get(item) for field, origin in self._fields.items()}
        specs = {name: origin.get(item) for name, origin in self._specs.items()}
        if self._keep_rest:
            specs.update(self._rest(item))
        if specs:
            given["specs"] = specs
        return given

    def origin(self, field: str) -> str:
        """The foreign name of one of our fields, for reports."""
        paths = self._fields[field].paths if field in self._fields else ()
        return ", ".join(paths) or field

    def _rest(self, item: _Item, before: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
        for key, value in item.items():
            path = before + key
            if path in self._used:
                continue
            if isinstance(value, dict) and depth < _DEEPEST:
                yield from self._rest(value, path + ".", depth + 1)
            else:
                yield from flattened(path, value, _DEEPEST)


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises BadMapping for one that makes no sense, OSError for one that cannot be opened."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_SIZE + 1)
        if len(text) > _MAX_SIZE:
            raise BadMapping(f"{path.name}: a mapping has at most {_MAX_SIZE:,} bytes; is this the file you meant?")
        table = tomllib.loads(text.decode())
        return _mapping(table)
    except UnicodeDecodeError:
        raise BadMapping(f"{path.name}: the text is not in UTF-8. Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadMapping(f"{path.name}: this is not TOML: {error}") from None
    except _Senseless as error:
        raise BadMapping(f"{path.name}: {error}") from None


class _Senseless(Exception):
    """What is wrong with a part of the mapping."""


def _mapping(table: dict[str, Any]) -> Mapping:
    for key in table:
        if key not in ("fields", "specs", "keep_rest"):
            raise _Senseless(f"{key!r} is not known here: a mapping has [fields], [specs] and keep_rest.")
    keep_rest = table.get("keep_rest", False)
    if not isinstance(keep_rest, bool):
        raise _Senseless("keep_rest must be true or false.")
    fields = {field: _origin(value, f"fields.{field}") for field, value in _part(table, "fields").items()}
    for field in fields:
        if field not in PRODUCT_FIELDS:
            known = ", ".join(sorted(PRODUCT_FIELDS))
            raise _Senseless(f"fields.{field} is no field of ours. Ours are: {known}.")
    for field in ("handle", "title"):
        if field not in fields:
            raise _Senseless(f"[fields] must say where {field!r} comes from: no product is without.")
    specs = {name: _origin(value, f"specs.{name}") for name, value in _part(table, "specs").items()}
    if "specs" in fields and (specs or keep_rest):
        raise _Senseless("fields.specs cannot stand beside [specs] or keep_rest: choose one.")
    return Mapping(fields, specs, keep_rest)


def _part(table: dict[str, Any], name: str) -> dict[str, Any]:
    part = table.get(name, {})
    if not isinstance(part, dict):
        raise _Senseless(f"{name!r} must be a table: [{name}] on a line of its own.")
    return part


def _origin(form: Any, where: str) -> _Origin:
    if isinstance(form, str) and form:
        return _Origin(_path(form), (form,))
    if isinstance(form, list) and form:
        return _first([_origin(part, where) for part in form])
    if isinstance(form, dict):
        kind, _ = next(iter(form.items()), ("", None))
        others = [key for key in form if key != kind and (kind, key) != ("join", "with")]
        if kind == "value" and not others:
            return _Origin(lambda item: form["value"], ())
        if kind == "join" and not others:
            return _joined(form, where)
        if kind in _FORMS and not others:
            return _made(_FORMS[kind], _origin(form[kind], where))
    raise _Senseless(
        f"{where} must be the name of a foreign field, a list of such, "
        'or one of { join = [...], with = "..." }, { text = ... }, { list = ... }, { slug = ... }, { value = ... }.'
    )


def _path(path: str) -> Callable[[_Item], Any]:
    if "." not in path:
        return lambda item: item.get(path)
    steps = path.split(".")

    def get(item: _Item) -> Any:
        value: Any = item
        for step in steps:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and step.isascii() and step.isdigit():
                value = value[int(step)] if int(step) < len(value) else None
            else:
                return None
        return value

    return get


def _first(origins: list[_Origin]) -> _Origin:
    def get(item: _Item) -> Any:
        for origin in origins:
            value = origin.get(item)
            if value not in (None, "", [], {}):
                return value
        return None

    return _Origin(get, _paths(origins))


def _joined(form: dict[str, Any], where: str) -> _Origin:
    between = form.get("with", "")
    if not isinstance(form["join"], list) or not form["join"] or not isinstance(between, str):
        raise _Senseless(f"{where}: join takes a list of foreign fields, and with takes a text.")
    origins = [_origin(part, where) for part in form["join"]]

    def get(item: _Item) -> str:
        return between.join(filter(None, (plain(origin.get(item)) for origin in origins)))

    return _Origin(get, _paths(origins))


def _made(make: Callable[[Any], str], origin: _Origin) -> _Origin:
    return _Origin(lambda item: make(origin.get(item)), origin.paths)


def _paths(origins: list[_Origin]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for origin in origins for path in origin.paths))


def _slug(value: Any) -> str:
    letters = unicodedata.normalize("NFKD", plain(value)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_MAX_SLUG].strip("-")


def _html_list(value: Any) -> str:
    return bullets(map(plain, value) if isinstance(value, list) else plain(value).splitlines())


_FORMS: dict[str, Callable[[Any], str]] = {
    "text": lambda value: paragraphs(plain(value)),
    "list": _html_list,
    "slug": _slug,
}
