"""Where the documents of a service are: in its own database, or where the settings say."""

from collections.abc import Container, Iterable

from mercato.runtime.documents.store import DocumentStore
from mercato.runtime.documents.urls import Address
from mercato.runtime.settings import Settings, SettingsError


def open_documents(settings: Settings, service: str) -> DocumentStore | None:
    """None: they are in the service's database. A server is reached when it is first needed.

    Raises SettingsError for a URL that cannot be used.
    """
    address = documents_address(settings, service)
    if address is None:
        return None
    try:
        from mercato.runtime.documents.mongo import MongoStore
    except ImportError as error:
        raise SettingsError(
            f"{_variable(settings, service)} names MongoDB, whose driver is not installed ({error.name}): install "
            "Mercato with its servers, `pip install mercato[servers]`, or in a checkout `./mercato setup --servers`"
        ) from None
    return MongoStore(address, f"the documents of {service}")


def documents_address(settings: Settings, service: str) -> Address | None:
    """A URL for one service is taken as it is; the common one is completed by the service's name.

    Raises SettingsError.
    """
    own = settings.document_stores.get(service)
    if not (own or settings.documents):
        return None
    variable = _variable(settings, service)
    try:
        address = Address.read(own or settings.documents)
    except ValueError as error:
        raise SettingsError(f"{variable} cannot be used: {error}") from None
    if not (settings.database or service in settings.databases):
        raise SettingsError(
            f"{variable} puts the documents of {service} on MongoDB, but all else of it is in a file: set "
            f"MERCATO_DATABASE or MERCATO_{service.upper()}_DATABASE to postgresql://... or mysql://..., or leave "
            f"{variable} out"
        )
    return address if own else address.at(f"{address.database}_{service}")


def require_documents(settings: Settings, having: Iterable[str], here: Container[str] | None = None) -> None:
    """Raise SettingsError where a setting is for a service that is not among those `having` documents, or cannot be
    used for one of them that runs `here` (None: all)."""
    names = tuple(having)
    for service in settings.document_stores:
        if service not in names:
            raise SettingsError(
                f"MERCATO_{service.upper()}_DOCUMENTS is set, and {service} has no documents: leave it out; those that "
                f"have some are {', '.join(names)}"
            )
    for service in names:
        if here is None or service in here:
            documents_address(settings, service)


def _variable(settings: Settings, service: str) -> str:
    return f"MERCATO_{service.upper()}_DOCUMENTS" if settings.document_stores.get(service) else "MERCATO_DOCUMENTS"
