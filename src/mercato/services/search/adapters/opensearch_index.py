"""The index on OpenSearch: one alias for all stores, shared by all processes that search and write."""

from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from mercato.services.search.adapters.opensearch_client import LONGEST_WRITE, Client, Place, Refused
from mercato.services.search.adapters.opensearch_queries import count_of, counts_of, search_of
from mercato.services.search.adapters.opensearch_schema import MARK, index_of, make_document
from mercato.services.search.domain import Entry, Gone
from mercato.services.search.finding.documents import LAYOUT, Document, document_of, key_of
from mercato.services.search.finding.plan import Answer, Counts, Plan, Scored
from mercato.services.search.text.vocabulary import Vocabulary
from mercato.values.messages import Unavailable

AT_ONCE = 1_000  # documents of one request
MOST_WORDS = 65_000  # of a vocabulary, the most frequent; the server counts no more at once
_FEW_CHANGES = 2_000
_NOT_FOUND, _CONFLICT = 404, 409


class OpenSearchIndex:
    """See Index. An alias names the index that serves, which has the layout and a number in its name; see `rebuild`.

    Several processes may follow the same changes: an entry's version is the mark with which it was written, so that
    what comes later is never overwritten by what was read before; and chunks that another process has written are not
    written again. A write is durable before its mark is, so that after a crash between the two it is done again.
    """

    def __init__(self, place: Place, name: str = "") -> None:
        self._client = Client(place)
        self._place = place
        self._alias = f"{place.name}-{LAYOUT}"
        self._vocabularies: dict[str, Vocabulary] = {}
        self._changes: Counter[str] = Counter()
        self._lock = Lock()
        with _told():
            self.name = name or self._found() or self._created()
            self._mark = self._kept_mark()

    @property
    def mark(self) -> int:
        return self._mark

    @property
    def rebuilds(self) -> int:
        """What was said when this index was begun."""
        with _told():
            meta = self._client.call("GET", f"{self.name}/_mapping")[self.name]["mappings"]["_meta"]
        return int(meta["rebuilds"])

    @property
    def size(self) -> int:
        """Bytes of one copy of the index."""
        with _told():
            told = self._client.call("GET", f"{self.name}/_stats/store")
        return int(told["_all"]["primaries"]["store"]["size_in_bytes"])

    def write(self, changes: Sequence[Entry | Gone], mark: int) -> None:
        final: dict[str, Document | Gone] = {
            key_of(change.store, change.id): document_of(change) if isinstance(change, Entry) else change
            for change in changes
        }
        with self._lock, _told():
            # What others have up to this mark they have whole, unless it is where this index stood before.
            if not self._kept_mark() >= mark > self._mark:
                self._write(final, mark)
            self._mark = max(self._mark, mark)
            self._learn(final.values())

    def run(self, plan: Plan) -> Answer:
        with _told():
            found = self._search(plan.store, search_of(plan))["hits"]
        hits = [Scored(float(hit["_score"] or 0.0), b64decode(hit["_source"]["payload"])) for hit in found["hits"]]
        return Answer(tuple(hits), int(found["total"]["value"]))

    def count(self, plan: Plan, facets: Sequence[str]) -> Counts:
        with _told():
            return counts_of(facets, self._search(plan.store, count_of(plan, facets))["aggregations"])

    def vocabulary(self, store: str) -> Vocabulary:
        known = self._vocabularies.get(store)
        if known is None:
            with self._lock, _told():
                known = self._vocabularies.setdefault(store, Vocabulary(self._words(store)))
        return known

    def rebuild(self, rebuilds: int) -> "OpenSearchIndex":
        """An empty index beside this one, to be filled while this one serves, and then taken. Processes that do so at
        one time fill the same."""
        name = f"{self._alias}-{int(self.name.rpartition('-')[2]) + 1}"
        with _told(), _others_too():
            self._client.call("PUT", name, index_of(self._place.shards, rebuilds), LONGEST_WRITE)
        return OpenSearchIndex(self._place, name)

    def take(self, rebuilt: "OpenSearchIndex") -> None:
        """Have the rebuilt index serve all processes from now on. The old one goes, with this object."""
        actions = [{"add": {"index": rebuilt.name, "alias": self._alias}}, {"remove_index": {"index": self.name}}]
        with _told():
            try:
                self._client.call("POST", "_aliases", {"actions": actions}, LONGEST_WRITE)
            except Refused as refused:
                if refused.status != _NOT_FOUND or self._found() != rebuilt.name:
                    raise

    def close(self) -> None:
        self._client.close()

    def _write(self, final: dict[str, Document | Gone], mark: int) -> None:
        keys = list(final)
        for first in range(0, len(keys), AT_ONCE):
            lines = [line for key in keys[first : first + AT_ONCE] for line in _lines(key, final[key], mark)]
            answer = self._client.bulk(f"{self.name}/_bulk", lines)
            _refuse_failed(answer["items"])
        self._client.call("POST", f"{self.name}/_refresh", patience=LONGEST_WRITE)
        with _newer_is_kept():
            path = f"{self.name}/_doc/{MARK}?version={mark}&version_type=external_gte"
            self._client.call("PUT", path, {"mark": mark}, LONGEST_WRITE)

    def _search(self, store: str, body: object) -> Any:
        """By one copy of the index for each store, so that pages of equal hits follow one another."""
        return self._client.call(
            "POST", f"{self._alias}/_search?preference={store}&search_type=dfs_query_then_fetch", body
        )

    def _learn(self, changes: Iterable[Document | Gone]) -> None:
        """Count what was written; where so much has changed that the counts may be far off, count afresh."""
        for change in changes:
            vocabulary = self._vocabularies.get(change.store)
            if vocabulary is None:
                continue
            if isinstance(change, Document):
                vocabulary.add(change.words)
            self._changes[change.store] += 1
            if self._changes[change.store] > _FEW_CHANGES + vocabulary.entries // 4:
                del self._vocabularies[change.store], self._changes[change.store]

    def _words(self, store: str) -> Iterator[tuple[str, int]]:
        counted = {"words": {"terms": {"field": "vocabulary", "size": MOST_WORDS}}}
        body = {"query": {"term": {"store": store}}, "size": 0, "track_total_hits": True, "aggs": counted}
        found = self._search(store, body)
        yield "", int(found["hits"]["total"]["value"])
        for bucket in found["aggregations"]["words"]["buckets"]:
            yield str(bucket["key"]), int(bucket["doc_count"])

    def _found(self) -> str:
        """The name of the index that serves, "" where there is none."""
        try:
            return str(next(iter(self._client.call("GET", f"_alias/{self._alias}"))))
        except Refused as refused:
            if refused.status != _NOT_FOUND:
                raise
            return ""

    def _created(self) -> str:
        name = f"{self._alias}-1"
        with _others_too():
            made = {**index_of(self._place.shards, 0), "aliases": {self._alias: {}}}
            self._client.call("PUT", name, made, LONGEST_WRITE)
        return self._found() or name

    def _kept_mark(self) -> int:
        try:
            return int(self._client.call("GET", f"{self.name}/_doc/{MARK}")["_source"]["mark"])
        except Refused as refused:
            if refused.status != _NOT_FOUND or refused.kind == "index_not_found_exception":
                raise
            return 0


def _lines(key: str, change: Document | Gone, mark: int) -> Iterator[object]:
    place = {"_id": key, "version": mark, "version_type": "external_gte"}
    if isinstance(change, Gone):
        yield {"delete": place}
    else:
        yield {"index": place}
        yield make_document(change)


def _refuse_failed(items: Iterable[dict[str, Any]]) -> None:
    """A conflict is no failure: somebody has written what is newer."""
    for item in items:
        ((_, told),) = item.items()
        if "error" in told and told["status"] != _CONFLICT:
            raise Refused(told["status"], f"{told['error'].get('type')} for {told['_id']}")


@contextmanager
def _newer_is_kept() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        if refused.status != _CONFLICT:
            raise


@contextmanager
def _others_too() -> Iterator[None]:
    """What another process has made at the same time is as good."""
    try:
        yield
    except Refused as refused:
        if refused.kind != "resource_already_exists_exception":
            raise


@contextmanager
def _told() -> Iterator[None]:
    """What the server cannot do is Unavailable, with its reason."""
    try:
        yield
    except Refused as refused:
        raise Unavailable(f"The search index cannot be used: the engine answers {refused}.") from refused
