"""What may be asked of notifications."""

from mercato.contracts.notifications import Delivery, ListDeliveries
from mercato.runtime.reader import Reader
from mercato.services.notifications import storage
from mercato.values.messages import Caller
from mercato.values.page import Page, from_cursor, to_cursor


def list_deliveries(reader: Reader, query: ListDeliveries, _caller: Caller) -> Page[Delivery]:
    before = from_cursor(query.cursor, tuple[str])[0] if query.cursor else storage.AFTER_ALL_IDS
    rows = reader.all(storage.LIST_DELIVERIES, before=before, limit_=query.limit + 1)
    shown = tuple(rows[: query.limit])
    return Page(shown, to_cursor(shown[-1].id) if len(rows) > query.limit else None)
