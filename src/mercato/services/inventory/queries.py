"""What may be asked of inventory."""

from mercato.contracts.inventory import GetStock, StockLevel, VariantStock
from mercato.runtime.transaction import Reader
from mercato.services.inventory import storage
from mercato.values.ids import LocationId, VariantId
from mercato.values.messages import Caller, NotFound


def get_stock(reader: Reader, query: GetStock, _caller: Caller) -> VariantStock:
    stock = stock_of(reader, query.variant_id)
    if not stock.levels:
        raise NotFound("no stock of this variant was ever recorded")
    return stock


def stock_of(reader: Reader, variant_id: VariantId) -> VariantStock:
    rows = reader.all(storage.LEVELS, variant_id=variant_id)
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
