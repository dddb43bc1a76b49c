"""The index on tantivy: one folder for all stores, owned by one process."""

import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tantivy

from mercato.services.search.adapters.tantivy_queries import aggregations, counts_of, query_of
from mercato.services.search.adapters.tantivy_schema import (
    NAMED,
    WORDS,
    field_of,
    make_document,
    make_schema,
    number_of,
    order_field,
)
from mercato.services.search.domain import Entry, Gone
from mercato.services.search.finding.documents import LAYOUT, document_of, key_of
from mercato.services.search.finding.plan import Answer, Counts, Plan, Scored
from mercato.services.search.text.vocabulary import Vocabulary
from mercato.values.messages import Unavailable

MEMORY = 64 * 2**20  # what waits to be written, in bytes, before it becomes a part of the index
_FEW_CHANGES = 2_000
_CURRENT = "current"  # the file that names the folder in use
_MARK = "mark"  # the key of the document that keeps the mark
_FIRST = "index-1"


class TantivyIndex:
    """See Index. Changes and the mark are one commit, so that a crash leaves both or neither.

    A folder that is damaged, or of an older layout, is set aside under another name; the index is then empty, with
    mark 0. Raises Unavailable where another process has the folder.
    """

    def __init__(self, folder: Path, memory: int = MEMORY) -> None:
        self._folder = folder
        self._memory = memory
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._shelf = _open(folder / _named(folder), memory)
        _tidy(folder, self._shelf.folder.name)
        self._vocabularies: dict[str, Vocabulary] = {}
        self._changes: Counter[str] = Counter()

    @property
    def mark(self) -> int:
        return self._shelf.mark

    def write(self, changes: Sequence[Entry | Gone], mark: int) -> None:
        with self._lock, _told():
            self._shelf.write(changes, mark, self._vocabularies)
            self._refresh(change.store for change in changes)

    def run(self, plan: Plan) -> Answer:
        with _told():
            return self._shelf.run(plan)

    def count(self, plan: Plan, facets: Sequence[str]) -> Counts:
        with _told():
            return self._shelf.count(plan, facets)

    def vocabulary(self, store: str) -> Vocabulary:
        known = self._vocabularies.get(store)
        if known is None:
            with self._lock, _told():
                known = self._vocabularies.setdefault(store, Vocabulary(self._shelf.words(store)))
        return known

    def rebuild(self) -> "TantivyIndex":
        """An empty index beside this one, to be filled while this one serves, and then taken. What an earlier
        attempt has left is removed."""
        folder = self._folder / "rebuilt"
        shutil.rmtree(folder, ignore_errors=True)
        return TantivyIndex(folder, self._memory)

    def take(self, rebuilt: "TantivyIndex") -> None:
        """Serve what was rebuilt from now on, and after a restart too. `rebuilt` is of no use afterwards."""
        with self._lock, _told():
            rebuilt._shelf.close()
            old = self._shelf
            name = _following(old.folder.name)
            shutil.rmtree(self._folder / name, ignore_errors=True)
            rebuilt._shelf.folder.rename(self._folder / name)
            self._shelf = _open(self._folder / name, self._memory)
            self._vocabularies = {}
            _name(self._folder, name)
            old.close()
            shutil.rmtree(old.folder, ignore_errors=True)
            shutil.rmtree(rebuilt._folder, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._shelf.close()

    def _refresh(self, stores: Iterable[str]) -> None:
        """Count the words afresh where so much has changed that the counts may be far off: what is written again is
        counted again, and what is gone is still counted."""
        for store, changes in Counter(stores).items():
            vocabulary = self._vocabularies.get(store)
            if vocabulary is not None:
                self._changes[store] += changes
                if self._changes[store] > _FEW_CHANGES + vocabulary.entries // 4:
                    self._vocabularies[store] = Vocabulary(self._shelf.words(store))
                    self._changes[store] = 0


class _Shelf:
    """A tantivy index that is open for writing."""

    def __init__(self, folder: Path, memory: int) -> None:
        self.folder = folder
        self.schema = make_schema()
        self.index = tantivy.Index(self.schema, str(folder))
        self.index.register_tokenizer(WORDS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
        self.index.config_reader("manual")
        self.index.reload()
        self.writer: tantivy.IndexWriter | None = self.index.writer(memory, 1)
        self.mark = self._read_mark()
        self.names = self._read_names()

    def write(self, changes: Sequence[Entry | Gone], mark: int, vocabularies: dict[str, Vocabulary]) -> None:
        """The last change of an entry counts, if there are several."""
        if self.writer is None:
            raise Unavailable("The search index is closed.")
        final = {key_of(change.store, change.id): change for change in changes}
        documents = [document_of(change) for change in final.values() if isinstance(change, Entry)]
        try:
            for key in final:
                self.writer.delete_documents_by_term("key", key)
            for document in documents:
                self.writer.add_document(make_document(document))
            self._write_mark(self.writer, mark)
            # Names are known before they are counted.
            self.names.update((number_of(value), value) for each in documents for value in (each.brand, each.seller))
            self.writer.commit()
        except ValueError:
            self.writer.rollback()
            raise
        self.index.reload()
        self.mark = mark
        for document in documents:
            if (vocabulary := vocabularies.get(document.store)) is not None:
                vocabulary.add(document.words)

    def run(self, plan: Plan) -> Answer:
        searcher = self.index.searcher()
        ranked = plan.sort == "relevance" and plan.limit > 0
        query = query_of(self.schema, plan, ranked)
        if not plan.limit:  # tantivy takes no limit of none
            return Answer((), _total(searcher.search(query, 1, True, "newest")))
        if ranked:
            found = searcher.search(query, plan.limit, True, None, plan.offset, weight_by_field="prior")
        else:
            order = tantivy.Order.Asc if plan.sort == "price_up" else tantivy.Order.Desc
            found = searcher.search(query, plan.limit, True, order_field(plan.sort), plan.offset, order)
        hits = [Scored(float(score) if ranked else 0.0, _payload(searcher, address)) for score, address in found.hits]
        return Answer(tuple(hits), _total(found))

    def count(self, plan: Plan, facets: Sequence[str]) -> Counts:
        counted = self.index.searcher().aggregate(query_of(self.schema, plan, False), aggregations(facets))
        return counts_of(facets, counted, self.names)

    def words(self, store: str) -> Iterator[tuple[str, int]]:
        begin = f"{store}/"
        for term, count in self.index.searcher().terms_with_prefix("vocabulary", begin):
            yield term.removeprefix(begin), count

    def close(self) -> None:
        writer, self.writer = self.writer, None
        if writer is not None:
            writer.wait_merging_threads()

    def _read_mark(self) -> int:
        """Raises ValueError where the documents are of another layout, or where their mark is missing."""
        searcher = self.index.searcher()
        found = searcher.search(tantivy.Query.term_query(self.schema, "key", _MARK), 1).hits
        if not found:
            if searcher.num_docs:
                raise ValueError("documents without a mark")
            return 0
        stored = searcher.doc(found[0][1])
        if stored.get_first("layout") != LAYOUT:
            raise ValueError("documents of another layout")
        return int(stored.get_first("mark") or 0)

    def _read_names(self) -> dict[int, str]:
        searcher = self.index.searcher()
        fields = [field_of(name) for name in NAMED]
        return {number_of(term): term for field in fields for term, _ in searcher.terms_with_prefix(field, "")}

    def _write_mark(self, writer: tantivy.IndexWriter, mark: int) -> None:
        writer.delete_documents_by_term("key", _MARK)
        writer.add_document(tantivy.Document(key=[_MARK], mark=[mark], layout=[LAYOUT]))


def _total(found: Any) -> int:
    """The library's types lack it."""
    return int(found.count or 0)


def _payload(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> bytes:
    return bytes(searcher.doc(address).get_first("payload") or b"")


def _open(folder: Path, memory: int) -> _Shelf:
    folder.mkdir(exist_ok=True)
    try:
        if any(folder.glob("*.store")) and not tantivy.Index.exists(str(folder)):
            raise ValueError("parts of an index without its table of contents")
        return _Shelf(folder, memory)
    except (ValueError, OSError) as error:
        if "LockBusy" in str(error) or "lock" in str(error).lower():
            raise Unavailable(f"Another process has the search index of {folder.parent} open.") from error
        _set_aside(folder)
        folder.mkdir()
        return _Shelf(folder, memory)


def _set_aside(folder: Path) -> None:
    """Keep what cannot be read beside the index, for who wants to know why; what was kept before goes."""
    aside = folder.with_name("set-aside")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)


def _tidy(folder: Path, name: str) -> None:
    """Remove what an end in the middle of a rebuild has left."""
    for other in (*folder.glob("index-*"), folder / "rebuilt"):
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)


def _named(folder: Path) -> str:
    """The name of the folder in use."""
    try:
        return (folder / _CURRENT).read_text("utf-8").strip() or _FIRST
    except OSError:
        return _FIRST


def _name(folder: Path, name: str) -> None:
    new = folder / f"{_CURRENT}.new"
    new.write_text(name, "utf-8")
    new.replace(folder / _CURRENT)


def _following(name: str) -> str:
    return f"index-{int(name.rpartition('-')[2]) + 1}"


@contextmanager
def _told() -> Iterator[None]:
    """What tantivy cannot do is Unavailable, with its reason."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise Unavailable(f"The search index cannot be used: {error}") from error
