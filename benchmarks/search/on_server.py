"""An index on a server, to be measured beside the embedded one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

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
    remove_indexes(place)
    index = OpenSearchIndex(place)
    try:
        yield index
    finally:
        index.close()
        remove_indexes(place)


def indexes_of(place: Place) -> set[str]:
    """The names of all indexes that are there under its name."""
    with closing(Client(place)) as client:
        return {name for name in client.call("GET", "_alias") if name.startswith(f"{place.name}-")}


def remove_indexes(place: Place) -> None:
    with closing(Client(place)) as client:
        for name in indexes_of(place):
            client.call("DELETE", name)
