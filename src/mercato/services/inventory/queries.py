"""What may be asked of inventory."""

from mercato.contracts.inventory import FindShortages, GetStock, StockLevel, VariantStock
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.services.inventory import storage
from mercato.values.commerce import Shortage
from mercato.values.ids import LocationId, VariantId
from mercato.values.messages import Caller, NotFound


def get_stock(reader: Reader, query: GetStock, _caller: Caller) -> VariantStock:
    stock = stock_of(reader, query.variant_id)
    if not stock.levels:
        raise NotFound("no stock of this variant was ever recorded")
    return stock


def find_shortages(reader: Reader, query: FindShortages, _caller: Caller) -> tuple[Shortage, ...]:
    available = dict.fromkeys(query.wanted, 0)
    for row in reader.all(storage.LIST_AVAILABLE, variant_ids=as_list(query.wanted)):
        available[VariantId(row.variant_id)] += row.available
    return tuple(
        Shortage(variant_id, quantity, available[variant_id])
        for variant_id, quantity in query.wanted.items()
        if available[variant_id] < quantity
    )


def stock_of(reader: Reader, variant_id: VariantId) -> VariantStock:
    rows = reader.rows(storage.STOCK, variant_id)
    levels = tuple(
        StockLevel(
            LocationId(row.location_id),
            row.available,
            row.reserved,
            row.sold,
            row.received,
            row.returned,
            row.written_off,
            row.version,
        )
        for row in rows
    )
    return VariantStock(variant_id, sum(level.available for level in levels), levels)
