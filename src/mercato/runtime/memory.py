"""What a process remembers of a database that it alone writes: committed documents and rows."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

# The store, the collection or table, the id.
Place = tuple[str, str, str]

CAPACITY = 80_000

# The value of a place whose content has changed to something that is to be read again.
FORGOTTEN: Final = object()


class Memory:
    """The latest committed content of places, for the readers and the writer of one database.

    What a transaction changes is put in after its commit, so what is found here is committed state. `find(place)` is
    its content or None. Full: what was neither found nor put since the last time that it was full is forgotten. So what
    many ask for stays, however much passes by.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._half = capacity // 2
        self._known = _Generation()
        self.find = self._known.__getitem__

    def contents(self) -> Iterator[tuple[Place, Any]]:
        """All places with their content."""
        yield from self._known.items()
        yield from self._known.earlier.items()

    def clear(self) -> None:
        """Forget everything: what is committed is read again."""
        self._known.clear()
        self._known.earlier.clear()

    def put(self, news: Mapping[Place, Any]) -> None:
        """Keep these."""
        known, earlier = self._known, self._known.earlier
        for place, content in news.items():
            earlier.pop(place, None)
            if content is FORGOTTEN:
                known.pop(place, None)
            else:
                known[place] = content
        if len(known) > self._half:
            known.earlier = dict(known)
            known.clear()


class _Generation(dict[Place, Any]):
    """What was found or put lately. What is found of an `earlier` generation belongs to this one from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.earlier: dict[Place, Any] = {}

    def __missing__(self, place: Place) -> Any:
        content = self.earlier.pop(place, None)
        if content is not None:
            self[place] = content
        return content
