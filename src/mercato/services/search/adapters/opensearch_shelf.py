"""The index on OpenSearch, as the processes of search keep it together."""

from typing import cast

from mercato.services.search.adapters.opensearch_client import Place
from mercato.services.search.adapters.opensearch_index import OpenSearchIndex
from mercato.services.search.finding.index import Index


class OpenSearchShelf:
    """See Shelf. The first process that has filled a new index has all of them search there: the others' old one is
    gone then, and they open the new one."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def open(self) -> Index:
        return OpenSearchIndex(self._place)

    def rebuilds(self, serving: Index) -> int:
        return cast(OpenSearchIndex, serving).rebuilds

    def begin(self, serving: Index, rebuilds: int) -> Index:
        return cast(OpenSearchIndex, serving).rebuild(rebuilds)

    def finish(self, serving: Index, rebuilt: Index, rebuilds: int) -> Index:
        cast(OpenSearchIndex, serving).take(cast(OpenSearchIndex, rebuilt))
        return rebuilt
