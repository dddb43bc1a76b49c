"""The import of a catalogue's file: a first pass that may refuse the file, a second that applies it.

The second pass is a run that can be taken up again: it notes how far it is applied, and a product that equals the
last import's sends nothing. It works beside a running shop, a bounded number of products at a time.
"""

import asyncio
import csv
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from mercato.apps.control import News, Tell
from mercato.apps.shop import Shop
from mercato.contracts.catalog import ProductDraft, VariantDraft
from mercato.contracts.stores import FindStore, Store
from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.mapping import BadMapping
from mercato.services.catalog.adapters.records import BrokenFile, Fault, ImportedProduct, Source
from mercato.services.catalog.messages import GetImport, Imported, ImportProduct, RecordImport
from mercato.values.messages import Caller, NotFound, Refusal

Item = ImportedProduct | Fault

AT_ONCE = 64  # products that are under way together
SHOWN = 20  # faults that are shown on the screen; the report has all of them
LOOK = 0.2  # seconds between two looks at the first pass's progress


async def import_file(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    """Import `arguments["file"]`; exit code 0 when everything was applied, 1 when rows or the file were refused."""
    path = Path(arguments["file"])
    mapping = Path(arguments["map"]) if arguments.get("map") else None
    report = Path(arguments["report"]) if arguments.get("report") else None
    try:
        store = await shop.node.calls.ask(
            FindStore(handle=str(arguments.get("store", ""))), Caller.system("", "import")
        )
        source = open_source(path, store.currency, mapping)
        survey = await _first_pass(shop, source, tell)
        tell(News(note=f"{path.name}: {survey} products; the file is sound"))
        file = await shop.parts.pools.slow.run(lambda: _hash(path, mapping))
        with Faults(report) as faults:
            run = _Run(shop, store, source, faults, dry=bool(arguments.get("dry_run")))
            await run.apply(file, tell)
    except NotFound:
        tell(News(note="there is no such store; `mercato run` opens a demo store in an empty data folder"))
        return 1
    except (BrokenFile, BadMapping, OSError) as error:
        tell(News(note=f"nothing was imported. {error}"))
        return 1
    _tell_end(tell, run, report)
    return 1 if faults.counts["rejected"] else 0


class Faults:
    """Counts faults, keeps the first ones for the screen, and writes all of them to the report as they come."""

    def __init__(self, report: Path | None) -> None:
        self.first: list[Fault] = []
        self.counts = {"rejected": 0, "warning": 0}
        self._report = report
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self._report is not None:
            self._file = self._report.open("w", newline="", encoding="utf-8")
            csv.writer(self._file).writerow(("line", "column", "kind", "reason"))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        if len(self.first) < SHOWN:
            self.first.append(fault)
        if self._file is not None:
            row = (fault.line, _plain(fault.column), fault.kind, _plain(fault.reason))
            csv.writer(self._file).writerow(row)


class _Run:
    """The second pass over one file."""

    def __init__(self, shop: Shop, store: Store, source: Source, faults: Faults, *, dry: bool) -> None:
        self._shop = shop
        self._store = store
        self._source = source
        self.faults = faults
        self._caller = Caller.system(store.id, f"import {shop.parts.ids.new('imp')}")
        self.dry = dry
        self.counts = {"created": 0, "changed": 0, "unchanged": 0}

    async def apply(self, file: str, tell: Tell) -> None:
        calls = self._shop.node.calls
        begun = await calls.ask(GetImport(file), self._caller)
        items = self._source.read(0 if begun.finished or self.dry else begun.ordinal)
        reading = self._begin_to_read(items)
        try:
            while chunk := await reading:
                progress = self._source.progress()
                reading = self._begin_to_read(items)  # while this one is applied
                products = self._sort(chunk)
                if products and not self.dry:
                    await asyncio.gather(*(self._apply(product) for product in products))
                    await calls.do(RecordImport(file, products[-1].ordinal, False), self._caller)
                tell(News(done=progress.done, total=progress.total))
        finally:
            reading.cancel()
        if not self.dry:
            await calls.do(RecordImport(file, 0, True), self._caller)

    def _begin_to_read(self, items: Iterator[Item]) -> "asyncio.Future[list[Item]]":
        """The next chunk of the file, in the pool of slow work."""
        return asyncio.ensure_future(self._shop.parts.pools.slow.run(lambda: list(islice(items, AT_ONCE))))

    def _sort(self, chunk: list[Item]) -> list[ImportedProduct]:
        products = []
        for item in chunk:
            if isinstance(item, Fault):
                self.faults.add(item)
            else:
                products.append(item)
        return products

    async def _apply(self, product: ImportedProduct) -> None:
        command = ImportProduct(
            _draft(product, self._store.currency),
            product.category_path,
            tuple(variant.quantity for variant in product.variants),
        )
        try:
            imported: Imported = await self._shop.node.calls.do(command, self._caller)
        except Refusal as refusal:
            self.faults.add(Fault(product.line, "", f"{refusal.code}: {refusal.detail}"))
            return
        self.counts[imported.result] += 1


def _draft(product: ImportedProduct, currency: str) -> ProductDraft:
    return ProductDraft(
        handle=product.handle,
        title=product.title,
        currency=currency,
        variants=tuple(
            VariantDraft(
                options=variant.options,
                sku=variant.sku,
                barcode=variant.barcode,
                grams=variant.grams,
                image=variant.image,
                price=variant.price,
                compare_at=variant.compare_at,
            )
            for variant in product.variants
        ),
        description=product.description,
        vendor=product.vendor,
        type=product.type,
        tags=product.tags,
        options=product.options,
        images=product.images,
        specs=product.specs,
        status=product.status,
    )


async def _first_pass(shop: Shop, source: Source, tell: Tell) -> int:
    """Read the whole file and change nothing; how many products it has. Raises BrokenFile."""
    reading = asyncio.ensure_future(shop.parts.pools.slow.run(source.inspect))
    while not (await asyncio.wait((reading,), timeout=LOOK))[0]:
        progress = source.progress()
        tell(News(done=progress.done, total=progress.total))
    return (await reading).products


def _hash(path: Path, mapping: Path | None) -> str:
    """What tells this import from another one: the content of the file and of its mapping."""
    digest = hashlib.sha256()
    for part in (path, mapping):
        if part is not None:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _tell_end(tell: Tell, run: _Run, report: Path | None) -> None:
    faults = run.faults
    for fault in faults.first:
        column = f", {fault.column}" if fault.column else ""
        tell(News(note=f"  line {fault.line}{column}: {fault.kind}: {fault.reason}"))
    if (more := sum(faults.counts.values()) - len(faults.first)) > 0:
        tell(News(note=f"  and {more} more; --report FILE writes all of them"))
    if report is not None:
        tell(News(note=f"the report is in {report}"))
    figures = ", ".join(f"{value} {name}" for name, value in {**run.counts, **faults.counts}.items())
    tell(News(note=f"dry run, nothing was changed: {figures}" if run.dry else f"imported: {figures}"))


def _plain(text: str) -> str:
    """Text that a spreadsheet takes for text and not for a formula (S53)."""
    return f"'{text}" if text[:1] in "=+-@\t\r\n" and text else text
