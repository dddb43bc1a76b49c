"""The embedded index in a folder of the data, and which wish for a new one it has fulfilled."""

from contextlib import suppress
from pathlib import Path
from typing import cast

from mercato.services.search.adapters.tantivy_index import TantivyIndex
from mercato.services.search.finding.index import Index

_REBUILDS = "rebuilds"


class IndexFolder:
    """See Shelf."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Index:
        return TantivyIndex(self._folder)

    def rebuilds(self, serving: Index) -> int:
        with suppress(OSError, ValueError):
            return int((self._folder / _REBUILDS).read_text("utf-8"))
        return 0

    def begin(self, serving: Index, rebuilds: int) -> Index:
        return cast(TantivyIndex, serving).rebuild()

    def finish(self, serving: Index, rebuilt: Index, rebuilds: int) -> Index:
        cast(TantivyIndex, serving).take(cast(TantivyIndex, rebuilt))
        new = self._folder / f"{_REBUILDS}.new"
        new.write_text(str(rebuilds), "utf-8")
        new.replace(self._folder / _REBUILDS)
        return serving
