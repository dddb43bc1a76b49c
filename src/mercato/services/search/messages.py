"""Messages that only search itself sends: who follows its entries into an index, its jobs, who counts misses."""

from typing import Annotated

import msgspec
from msgspec import Meta

from mercato.services.search.domain import Entry, Gone
from mercato.values.ids import ProductId
from mercato.values.messages import Command, Query, System

NEWS, CATEGORIES, RULES = "entries", "categories", "rules"  # the subjects of what changes in search
LAST_ID = "~"  # behind all ids, which begin with a letter


class Changes(msgspec.Struct, frozen=True):
    """Entries in the order of their changes. Everything up to the change `mark` is among them or came before. Ask next
    for what comes after `last_id` of the change `changed`. `latest` is the number of the latest change that there was,
    `rebuilds` counts how often a new index was wanted."""

    entries: tuple[Entry | Gone, ...]
    mark: int
    changed: int
    last_id: str
    latest: int
    rebuilds: int


class ListChanges(Query[Changes], frozen=True):
    """What has changed since: entries of changes after `changed`, and those of that one after `after_id`."""

    allow = System
    changed: int
    after_id: str
    limit: Annotated[int, Meta(ge=1, le=2_000)]


class Grown(msgspec.Struct, frozen=True):
    """Products of one store of which far more or fewer are sold than the index knows."""

    store: str
    product_ids: tuple[ProductId, ...]


class ListGrown(Query[tuple[Grown, ...]], frozen=True):
    allow = System


class TellSold(Command[None], frozen=True):
    """Have the index hear how many of these were sold."""

    allow = System
    product_ids: tuple[ProductId, ...]


class CountNoResults(Command[None], frozen=True):
    """These searches found nothing, so often each."""

    allow = System
    counts: dict[str, int]


class FindUntold(Query[int | None], frozen=True):
    """The time since when this service hears of everything, as long as nobody has told again what was before; None when
    it has been told."""

    allow = System


class RecordToldAgain(Command[None], frozen=True):
    """What was before is told again."""

    allow = System


class AskToldAgain(Command[None], frozen=True):
    """Have everything told again, whatever was heard."""

    allow = System


class RebuildIndex(Command[None], frozen=True):
    """Have every process make its index anew, beside the one that serves until then."""

    allow = System
