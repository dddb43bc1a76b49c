"""What is around every page: the store's name and categories. Remembered, and forgotten when they change."""

import msgspec

from mercato.contracts.catalog import Category, ListCategories
from mercato.contracts.stores import GetStore, Store
from mercato.runtime.calls import Calls
from mercato.values.clock import Clock
from mercato.values.ids import CategoryId
from mercato.values.messages import Caller

REMEMBER = 30_000  # milliseconds, for the case that the news of a change is lost
MEMORY = 10_000  # stores


class Shell(msgspec.Struct, frozen=True):
    """A store as its pages show it. `categories` has parents before their children."""

    store: Store
    categories: tuple[Category, ...]

    @property
    def roots(self) -> tuple[Category, ...]:
        return tuple(category for category in self.categories if category.parent_id is None)

    def children(self, parent: CategoryId) -> tuple[Category, ...]:
        return tuple(category for category in self.categories if category.parent_id == parent)

    def find(self, handle: str) -> Category | None:
        return next((category for category in self.categories if category.handle == handle), None)

    def trail(self, category_id: CategoryId | None) -> tuple[Category, ...]:
        """The category and all above it, from the root down."""
        by_id = {category.id: category for category in self.categories}
        trail: list[Category] = []
        while category_id is not None and category_id in by_id and by_id[category_id] not in trail:
            category = by_id[category_id]
            trail.append(category)
            category_id = category.parent_id
        return tuple(reversed(trail))


class Shells:
    """Shells by store id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[int, Shell]] = {}

    async def of(self, calls: Calls, caller: Caller) -> Shell:
        entry = self._known.get(caller.store)
        now = self._clock.now()
        if entry is not None and entry[0] > now:
            return entry[1]
        shell = Shell(await calls.ask(GetStore(), caller), await calls.ask(ListCategories(), caller))
        if len(self._known) >= MEMORY:
            self._known.clear()
        self._known[caller.store] = (now + REMEMBER, shell)
        return shell

    def known(self, store: str) -> Shell | None:
        """What is remembered of a store, however old: for pages that cannot ask."""
        entry = self._known.get(store)
        return entry[1] if entry else None

    def forget(self, store: str) -> None:
        self._known.pop(store, None)
