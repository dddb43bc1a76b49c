"""The manifest of stores."""

from mercato.contracts.stores import (
    ChangeSettings,
    FindStore,
    GetStore,
    ListStores,
    MakeApiKey,
    OpenStore,
    ResolveApiKey,
    RevokeApiKey,
)
from mercato.runtime.service import Ask, Handle, Service
from mercato.runtime.setup import Setup
from mercato.services.stores import commands, queries, storage
from mercato.services.stores.api import ROUTES


def service(_setup: Setup) -> Service:
    """Stores, as this process runs it."""
    return Service(
        name="stores",
        package="mercato.services.stores",
        tables=storage.metadata,
        handlers=(
            Handle(OpenStore, commands.open_store),
            Handle(ChangeSettings, commands.change_settings),
            Handle(MakeApiKey, commands.make_api_key),
            Handle(RevokeApiKey, commands.revoke_api_key),
        ),
        asks=(
            Ask(GetStore, queries.get_store, snapshot=False),
            Ask(FindStore, queries.find_store),
            Ask(ListStores, queries.list_stores, point=False),
            Ask(ResolveApiKey, queries.resolve_api_key),
        ),
        routes=ROUTES,
    )
