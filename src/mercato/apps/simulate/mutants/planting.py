"""How a bug is planted: something real has another value for a while."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

Plant = Callable[[], AbstractContextManager[None]]


@contextmanager
def replaced(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Give attributes other values for a while."""
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


@contextmanager
def replaced_item(table: dict[str, Any], key: str, value: Any) -> Iterator[None]:
    """Give an item of a table another value for a while."""
    before = table[key]
    table[key] = value
    try:
        yield
    finally:
        table[key] = before
