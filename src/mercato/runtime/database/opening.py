"""Which engine a service's database is on: a file of the data folder, or what the settings name."""

from collections.abc import Callable
from pathlib import Path

from mercato.runtime.database.engine import Database
from mercato.runtime.database.sqlite import SqliteDatabase
from mercato.runtime.database.urls import Address
from mercato.runtime.settings import Settings, SettingsError


def sqlite_in(folder: Path) -> Callable[[str], Database]:
    """One SQLite file a service in this folder."""
    return lambda service: SqliteDatabase(folder / f"{service}.db")


def open_database(settings: Settings, service: str) -> Database:
    """Raises SettingsError for a URL that cannot be used; a server is reached when it is first needed."""
    address = _address(settings, service, "DATABASE", settings.databases.get(service), settings.database)
    if address is None:
        return SqliteDatabase(settings.data / f"{service}.db")
    owner = _address(settings, service, "DATABASE_OWNER", None, settings.database_owner)
    if owner is not None:
        owner = owner.at(address.database)
    try:
        if address.scheme == "mysql":
            from mercato.runtime.database.mysql import MysqlDatabase

            return MysqlDatabase(address, owner)
        from mercato.runtime.database.postgresql import PostgresDatabase

        return PostgresDatabase(address, owner)
    except ImportError as error:
        raise SettingsError(
            f"MERCATO_DATABASE names {address.scheme}, whose driver is not installed ({error.name}): install Mercato "
            "with its servers, `pip install mercato[servers]`, or in a checkout `./mercato setup --servers`"
        ) from None


def _address(settings: Settings, service: str, name: str, own: str | None, common: str) -> Address | None:
    """A URL for one service is taken as it is; the common one is completed by the service's name."""
    try:
        if own:
            return Address.read(own)
        if common:
            address = Address.read(common)
            return address.at(f"{address.database}_{service}")
    except ValueError as error:
        variable = f"MERCATO_{service.upper()}_{name}" if own else f"MERCATO_{name}"
        raise SettingsError(f"{variable}: {error}") from None
    return None
