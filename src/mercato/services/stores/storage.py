"""Tables and statements of stores."""

import msgspec
from sqlalchemy import Column, Index, MetaData, Table, bindparam, delete, select, update

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import fetch, insert_into, write
from mercato.services.stores.domain import StoreRow

metadata = MetaData()

stores = Table(
    "stores",
    metadata,
    store(),
    required("handle", key(63)),
    required("name", Text),
    required("hosts", Text),
    required("currency", key(3)),
    required("time_zone", Text),
    required("cart_access", key(16)),
    required("mail_from", Text),
    required("url", Text),
    required("opened_at", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)
Index("stores_by_handle", stores.c.handle, unique=True)
Index("stores_by_age", stores.c.opened_at, stores.c.store)

hosts = Table(
    "hosts",
    metadata,
    Column("host", key(253), primary_key=True),
    store(),
    sqlite_with_rowid=False,
)
Index("hosts_by_name", hosts.c.host, unique=True)

api_keys = Table(
    "api_keys",
    metadata,
    identity(),
    store(),
    required("name", Text),
    required("secret_hash", key(64)),
    required("created_at", Integer),
    Column("revoked_at", Integer),
    sqlite_with_rowid=False,
)
Index("api_keys_by_secret", api_keys.c.secret_hash, unique=True)


class ApiKeyRow(msgspec.Struct, frozen=True):
    store: str
    id: str
    revoked_at: int | None


_key_columns = (api_keys.c.store, api_keys.c.id, api_keys.c.revoked_at)

ADD_STORE = insert_into(stores)
FIND_STORE = fetch(StoreRow, select(*stores.c).where(stores.c.store == bindparam("store")))
FIND_BY_HANDLE = fetch(StoreRow, select(*stores.c).where(stores.c.handle == bindparam("handle")), across_stores=True)
FIND_BY_HOST = fetch(
    StoreRow,
    select(*stores.c)
    .select_from(stores.join(hosts, hosts.c.store == stores.c.store))
    .where(hosts.c.host == bindparam("host")),
    across_stores=True,
)
FIND_FIRST = fetch(
    StoreRow, select(*stores.c).order_by(stores.c.opened_at, stores.c.store).limit(1), across_stores=True
)
LIST_STORES = fetch(StoreRow, select(*stores.c).order_by(stores.c.opened_at, stores.c.store), across_stores=True)
CHANGE_STORE = write(
    update(stores)
    .where(stores.c.store == bindparam("store"), stores.c.version == bindparam("known_version"))
    .values(
        name=bindparam("name"),
        hosts=bindparam("hosts"),
        cart_access=bindparam("cart_access"),
        mail_from=bindparam("mail_from"),
        url=bindparam("url"),
        version=stores.c.version + 1,
    )
)
ADD_HOST = insert_into(hosts)
REMOVE_HOST = write(delete(hosts).where(hosts.c.store == bindparam("store"), hosts.c.host == bindparam("host")))
ADD_API_KEY = insert_into(api_keys)
FIND_API_KEY = fetch(
    ApiKeyRow,
    select(*_key_columns).where(api_keys.c.store == bindparam("store"), api_keys.c.id == bindparam("id")),
)
REVOKE_API_KEY = write(
    update(api_keys)
    .where(
        api_keys.c.store == bindparam("store"),
        api_keys.c.id == bindparam("id"),
        api_keys.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
)
FIND_VALID_KEY = fetch(
    ApiKeyRow,
    select(*_key_columns).where(
        api_keys.c.secret_hash == bindparam("secret_hash"),
        api_keys.c.revoked_at.is_(None),
    ),
    across_stores=True,
)
