"""What may be changed in stores."""

import msgspec

from mercato.contracts.stores import (
    ApiKey,
    ApiKeyRevoked,
    ChangeSettings,
    HandleTaken,
    MakeApiKey,
    OpenStore,
    RevokeApiKey,
    SettingsChanged,
    Store,
    StoreOpened,
)
from mercato.runtime.transaction import Transaction
from mercato.services.stores import domain, storage
from mercato.values.ids import StoreId
from mercato.values.messages import Caller, Conflict, NotFound


def open_store(tx: Transaction, command: OpenStore, _caller: Caller) -> Store:
    """Open a store, or answer with the one that an earlier sending has opened."""
    tx.declare((command.store_id,))
    tx.store = command.store_id  # the sender speaks for the installation: from here on, for the new store
    known = tx.one(storage.FIND_STORE)
    if known is not None:
        return domain.store_of(known)
    if tx.one(storage.FIND_BY_HANDLE, handle=command.handle) is not None:
        raise HandleTaken(handle=command.handle)
    _require_free(tx, command.hosts)
    row = domain.new_store(command, tx.now)
    tx.run(storage.ADD_STORE, **msgspec.structs.asdict(row))
    _add_hosts(tx, command.hosts)
    tx.emit(StoreOpened(command.store_id, row.currency), row.store, row.version)
    return domain.store_of(row)


def change_settings(tx: Transaction, command: ChangeSettings, _caller: Caller) -> Store:
    row = tx.one(storage.FIND_STORE)
    if row is None:
        raise NotFound
    if command.if_version is not None and command.if_version != row.version:
        raise Conflict
    after = domain.changed(row, command)
    names = domain.differences(row, after)
    if not names:
        return domain.store_of(row)
    if command.hosts is not None:
        _require_free(tx, command.hosts)
    settings = {name: getattr(after, name) for name in domain.CHANGEABLE}
    if not tx.run(storage.CHANGE_STORE, known_version=row.version, **settings):
        raise Conflict
    if command.hosts is not None:
        for host in domain.store_of(row).hosts:
            tx.run(storage.REMOVE_HOST, host=host)
        _add_hosts(tx, command.hosts)
    after = msgspec.structs.replace(after, version=row.version + 1)
    tx.emit(SettingsChanged(StoreId(row.store), names), row.store, after.version)
    return domain.store_of(after)


def make_api_key(tx: Transaction, command: MakeApiKey, caller: Caller) -> ApiKey:
    secret = domain.secret_text(tx.new_secret())
    key_id = tx.new_id("key")
    tx.defer(
        storage.ADD_API_KEY,
        id=key_id,
        name=command.name,
        secret_hash=domain.hash_of(secret),
        created_at=tx.now,
        revoked_at=None,
    )
    return ApiKey(key_id, StoreId(caller.store), command.name, secret)


def revoke_api_key(tx: Transaction, command: RevokeApiKey, _caller: Caller) -> None:
    if tx.one(storage.FIND_API_KEY, id=command.key_id) is None:
        raise NotFound
    if tx.run(storage.REVOKE_API_KEY, id=command.key_id, now=tx.now):
        tx.emit(ApiKeyRevoked(command.key_id), command.key_id, 2)


def _require_free(tx: Transaction, hosts: tuple[str, ...]) -> None:
    """Refuse a host that leads to another store."""
    for host in hosts:
        holder = tx.one(storage.FIND_BY_HOST, host=host)
        if holder is not None and holder.store != tx.store:
            raise HandleTaken(host=host)


def _add_hosts(tx: Transaction, hosts: tuple[str, ...]) -> None:
    for host in domain.distinct(hosts):
        tx.run(storage.ADD_HOST, host=host)
