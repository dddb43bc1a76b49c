"""Any value of any type that messages are made of."""

import re
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

_CHARACTERS = st.characters(codec="utf-8")
_TEXT = st.text(_CHARACTERS, max_size=12)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values that its decoder takes."""
    return _of(inspect.type_info(kind))


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a table
    match info:
        case inspect.StructType():
            return st.builds(info.cls, **{field.name: _of(field.type) for field in info.fields})
        case inspect.UnionType():
            return st.one_of(*(_of(each) for each in info.types))
        case inspect.VarTupleType():
            most = min(info.max_length or 3, max(3, info.min_length or 0))
            return st.lists(_of(info.item_type), min_size=info.min_length or 0, max_size=most).map(tuple)
        case inspect.TupleType():
            return st.tuples(*(_of(each) for each in info.item_types))
        case inspect.ListType():
            return st.lists(_of(info.item_type), max_size=3)
        case inspect.DictType():
            return st.dictionaries(_of(info.key_type), _of(info.value_type), max_size=3)
        case inspect.Metadata():
            return _of(info.type)
        case _:
            return _plain(info)


def _plain(info: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a table
    match info:
        case inspect.StrType():
            return _text(info)
        case inspect.IntType():
            least, most = info.ge, info.le
            return st.integers(-(2**63) if least is None else int(least), 2**63 - 1 if most is None else int(most))
        case inspect.FloatType():
            return st.floats(0 if info.ge is None else info.ge, 1e6 if info.le is None else info.le)
        case inspect.LiteralType():
            return st.sampled_from(info.values)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.BytesType():
            return st.binary(max_size=20)
        case inspect.AnyType():
            return st.one_of(st.none(), st.integers(-100, 100), _TEXT)
        case _:
            raise TypeError(f"say how a value of {info} is made")


def _text(info: inspect.StrType) -> st.SearchStrategy[str]:
    least, most = info.min_length or 0, info.max_length or max(12, info.min_length or 0)
    if info.pattern is None:
        return st.text(_CHARACTERS, min_size=least, max_size=min(most, least + 12))
    fitting = st.from_regex(re.compile(info.pattern), alphabet=_CHARACTERS)
    return fitting.filter(lambda text: least <= len(text) <= most)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, with their types."""
    return type(one) is type(other) and bool(msgspec.to_builtins(one) == msgspec.to_builtins(other))
