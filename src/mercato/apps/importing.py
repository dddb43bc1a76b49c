"""The import of a catalogue's file: a first pass that may refuse the file, a second that applies it.

The second pass is a run that can be taken up again: it notes how far it is applied, and a product that equals the
last import's sends nothing. It works beside a running shop, a bounded number of products at a time.
"""

import asyncio
import csv
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from mercato.apps.control import News, Tell
from mercato.apps.file_reader import Chunk, Surveyed, Wanted
from mercato.apps.reading import Reading, UnreadableFile
from mercato.apps.shop import Shop
from mercato.contracts.stores import FindStore, Store
from mercato.services.catalog.adapters.records import Fault
from mercato.services.catalog.messages import GetImport, GivenProduct, Imported, ImportProducts, RecordImport
from mercato.values.ids import ProductId
from mercato.values.messages import Caller, NotFound, Refusal

AHEAD = 4  # chunks of products that are under way together
SHOWN = 20  # faults that are shown on the screen; the report has all of them


async def import_file(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    """Import `arguments["file"]`; exit code 0 when everything was applied, 1 when rows or the file were refused."""
    path = Path(arguments["file"])
    report = Path(arguments["report"]) if arguments.get("report") else None
    try:
        store = await shop.node.calls.ask(
            FindStore(handle=str(arguments.get("store", ""))), Caller.system("", "import")
        )
        async with Reading(Wanted(str(path), str(arguments.get("map") or ""), store.currency)) as reading:
            survey = await reading.survey(tell)
            tell(News(note=f"{path.name}: {survey.products} products; the file is sound"))
            with Faults(report) as faults:
                run = _Run(shop, store, reading, faults, dry=bool(arguments.get("dry_run")))
                await run.apply(survey, tell)
    except NotFound:
        tell(News(note="there is no such store; `mercato run` opens a demo store in an empty data folder"))
        return 1
    except (UnreadableFile, OSError) as error:
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

    def __init__(self, shop: Shop, store: Store, reading: Reading, faults: Faults, *, dry: bool) -> None:
        self._calls = shop.node.calls
        self._reading = reading
        self.faults = faults
        self._caller = Caller.system(store.id, f"import {shop.parts.ids.new('imp')}")
        self.dry = dry
        self._file = ""
        self._applied = 0
        self._under_way: deque[tuple[Chunk, asyncio.Task[tuple[Imported, ...]]]] = deque()
        self.counts = {"created": 0, "changed": 0, "unchanged": 0}

    async def apply(self, survey: Surveyed, tell: Tell) -> None:
        self._file = survey.file
        begun = await self._calls.ask(GetImport(self._file), self._caller)
        self._applied = 0 if begun.finished or self.dry else begun.ordinal
        try:
            async for chunk in self._reading.chunks(self._applied):
                for fault in chunk.faults:
                    self.faults.add(fault)
                if chunk.products and not self.dry:
                    await self._send(chunk)
                tell(News(done=chunk.done, total=chunk.total))
            while self._under_way:
                await self._finish()
        finally:
            for _, results in self._under_way:
                results.cancel()
        if not self.dry:
            await self._calls.do(RecordImport(self._file, 0, True), self._caller)

    async def _send(self, chunk: Chunk) -> None:
        """Begin to apply a chunk, when there is room for it."""
        if len(self._under_way) == AHEAD:
            await self._finish()
        self._under_way.append((chunk, asyncio.ensure_future(self._do(chunk.products))))

    async def _do(self, products: tuple[GivenProduct, ...]) -> tuple[Imported, ...]:
        command = ImportProducts(products, self._file, self._applied)
        return await self._calls.do(command, self._caller)

    async def _finish(self) -> None:
        """Wait for the chunk that was sent first."""
        chunk, results = self._under_way.popleft()
        try:
            for line, imported in zip(chunk.lines, await results, strict=True):
                self._count(line, imported)
        except Refusal:
            for line, product in zip(chunk.lines, chunk.products, strict=True):
                await self._apply_alone(line, product)
        self._applied = chunk.last

    async def _apply_alone(self, line: int, product: GivenProduct) -> None:
        """Apply a product of a chunk that was refused as a whole: the others must not suffer from one."""
        try:
            (imported,) = await self._do((product,))
        except Refusal as refusal:
            imported = Imported(ProductId(""), "refused", f"{refusal.code}: {refusal.detail}")
        self._count(line, imported)

    def _count(self, line: int, imported: Imported) -> None:
        if imported.result == "refused":
            self.faults.add(Fault(line, "", imported.reason))
        else:
            self.counts[imported.result] += 1


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
