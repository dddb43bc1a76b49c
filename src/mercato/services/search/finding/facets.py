"""Facets: values to narrow by, from the counts of an engine."""

from mercato.services.search.domain import Filters
from mercato.services.search.finding.plan import Counts

MOST_VALUES = 100  # of one facet
_PRICE_RANGES = 6  # at most so many are shown
_STEPS = (10, 15, 20, 25, 30, 40, 50, 60, 75)

# Engines count prices between these, in minor units, and ratings in hundredths of a star.
PRICE_EDGES: tuple[int, ...] = (0, *(step * 10**power for power in range(1, 10) for step in _STEPS))
RATING_EDGES: tuple[int, ...] = (0, 100, 200, 300, 400)


def without(filters: Filters, facet: str) -> Filters:
    """All filters but that of this facet."""
    return Filters(
        values={name: values for name, values in filters.values.items() if name != facet},
        price=(None, None) if facet == "price" else filters.price,
        rating=0 if facet == "rating" else filters.rating,
        in_stock=filters.in_stock and facet != "in_stock",
    )


def is_filtered(filters: Filters, facet: str) -> bool:
    return without(filters, facet) != filters


def shown(counts: Counts) -> Counts:
    """Counts as shoppers see them: prices in few ranges, ratings from so many stars up, stock by yes and no."""
    made = {"price": _price_ranges, "rating": _stars, "in_stock": _stock}
    return {name: made[name](values) if name in made else values for name, values in counts.items()}


def _price_ranges(values: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """About equally many products a range, with round limits: "LOW-HIGH" from LOW to HIGH, both included."""
    counted = sorted((int(low), count) for low, count in values)
    wanted = -(-sum(count for _, count in counted) // _PRICE_RANGES)
    found: list[tuple[str, int]] = []
    begun, gathered = 0, 0
    for place, (low, count) in enumerate(counted):
        gathered += count
        if place == len(counted) - 1:
            found.append((f"{begun or ''}-", gathered))
        elif gathered >= wanted:
            upper = _next_edge(low)
            found.append((f"{begun or ''}-{upper - 1}", gathered))
            begun, gathered = upper, 0
    return tuple(found) if len(found) > 1 else ()


def _next_edge(edge: int) -> int:
    return PRICE_EDGES[PRICE_EDGES.index(edge) + 1]


def _stars(values: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    counted = {int(low) // 100: count for low, count in values}
    stars = [(each, sum(count for low, count in counted.items() if low >= each)) for each in (4, 3, 2, 1)]
    return tuple((str(each), count) for each, count in stars if count)


def _stock(values: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    return tuple(("true" if value == "1" else "false", count) for value, count in values)
