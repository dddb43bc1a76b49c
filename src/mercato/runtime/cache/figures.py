"""What is counted of a cache, for `/metrics`."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Figures:
    """`found` by kind and outcome: hit, miss, unsound (it was not ours), late (the server took too long), down."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.found = Counter(
            "mercato_cache_lookups", "Look-ups in the shared cache", ("kind", "outcome"), registry=registry
        )
        self.trips = Counter("mercato_cache_round_trips", "Batches sent to the cache server", registry=registry)
        self.errors = Counter("mercato_cache_errors", "Batches that failed or were given up", registry=registry)
        self.up = Gauge("mercato_cache_up", "1: in reach; 0: the process goes on by itself", registry=registry)
        self.drops = Gauge("mercato_cache_drops_waiting", "What is to be forgotten when it is back", registry=registry)
