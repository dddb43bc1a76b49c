"""What may be asked of stores."""

from mercato.contracts.stores import ApiKeyHolder, FindStore, GetStore, ListStores, ResolveApiKey, Store
from mercato.runtime.reader import Reader
from mercato.services.stores import storage
from mercato.services.stores.domain import StoreRow, store_of
from mercato.values.ids import StoreId
from mercato.values.messages import Caller, NotFound


def get_store(reader: Reader, _query: GetStore, _caller: Caller) -> Store:
    return _found(reader.one(storage.FIND_STORE))


def find_store(reader: Reader, query: FindStore, _caller: Caller) -> Store:
    if query.handle:
        return _found(reader.one(storage.FIND_BY_HANDLE, handle=query.handle))
    if query.host:
        return _found(reader.one(storage.FIND_BY_HOST, host=query.host))
    return _found(reader.one(storage.FIND_FIRST))


def list_stores(reader: Reader, _query: ListStores, _caller: Caller) -> tuple[Store, ...]:
    return tuple(store_of(row) for row in reader.all(storage.LIST_STORES))


def resolve_api_key(reader: Reader, query: ResolveApiKey, _caller: Caller) -> ApiKeyHolder:
    row = reader.one(storage.FIND_VALID_KEY, secret_hash=query.secret_hash)
    if row is None:
        raise NotFound
    return ApiKeyHolder(row.id, StoreId(row.store))


def _found(row: StoreRow | None) -> Store:
    if row is None:
        raise NotFound("there is no such store")
    return store_of(row)
