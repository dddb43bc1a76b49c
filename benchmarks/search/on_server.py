"""An index on a server, to be measured beside the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.outcome import BenchmarkError
from mercato.services.search.adapters.opensearch_client import FORM, Client, Place
from mercato.services.search.adapters.opensearch_index import OpenSearchIndex

HELP = f"measure an index there too ({FORM}); it is made anew, and removed at the end"


@contextmanager
def index_on(url: str) -> Iterator[OpenSearchIndex]:
    """A new index under the name that the URL says. Raises BenchmarkError for a URL that cannot be used."""
    try:
        place = Place.read(url)
    except ValueError as error:
        raise BenchmarkError(str(error)) from None
    _remove(place)
    index = OpenSearchIndex(place)
    try:
        yield index
    finally:
        index.close()
        _remove(place)


def _remove(place: Place) -> None:
    client = Client(place)
    for name in client.call("GET", "_alias"):
        if name.startswith(f"{place.name}-"):
            client.call("DELETE", name)
    client.close()
