"""Where the index of search is, by its setting."""

from typing import TYPE_CHECKING

from mercato.runtime.settings import Settings, SettingsError
from mercato.services.search.adapters.index_folder import IndexFolder

if TYPE_CHECKING:
    from mercato.services.search.indexer import Shelf


def open_shelf(settings: Settings) -> "Shelf":
    """A server is reached when the index is opened. Raises SettingsError for a URL that cannot be used."""
    if not settings.search:
        return IndexFolder(settings.data / "search")
    try:
        from mercato.services.search.adapters.opensearch_client import Place
        from mercato.services.search.adapters.opensearch_shelf import OpenSearchShelf
    except ImportError as error:
        raise SettingsError(
            f"MERCATO_SEARCH names a server, whose client is not installed ({error.name}): install Mercato with its "
            "servers, `pip install mercato[servers]`, or in a checkout `./mercato setup --servers`"
        ) from None
    try:
        return OpenSearchShelf(Place.read(settings.search))
    except ValueError as error:
        raise SettingsError(f"MERCATO_SEARCH cannot be used: {error}") from None
