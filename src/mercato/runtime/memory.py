"""What a process remembers of a database that it alone writes: committed documents and rows."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

# The store, the collection or table, the id.
Place = tuple[str, str, str]

CAPACITY = 30_000

# The value of a place whose content has changed to something that is to be read again.
FORGOTTEN: Final = object()


class Memory:
    """The latest committed content of places, for the readers and the writer of one database.

    What a transaction changes is put in after its commit, so what is found here is committed state. `find(place)` is
    its content or None, `contents()` are all of them with their places.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: dict[Place, Any] = {}
        self.find = self._known.get
        self.contents = self._known.items

    def clear(self) -> None:
        """Forget everything: what is committed is read again."""
        self._known.clear()

    def put(self, news: Mapping[Place, Any]) -> None:
        """Keep these. Full: the oldest half is forgotten."""
        known = self._known
        for place, content in news.items():
            if content is FORGOTTEN:
                known.pop(place, None)
            else:
                known[place] = content
        if len(known) > self._capacity:
            for place in list(islice(known, self._capacity // 2)):
                del known[place]
