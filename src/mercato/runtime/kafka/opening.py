"""Which bus there is between processes: none, or what the settings name."""

from mercato.runtime.parts import Bus, Parts
from mercato.runtime.settings import Settings, SettingsError

SCHEME = "kafka://"


def open_bus(settings: Settings, parts: Parts) -> Bus | None:
    """Raises SettingsError for a URL that cannot be used."""
    if not settings.events:
        return None
    if not settings.events.startswith(SCHEME):
        raise SettingsError(f"MERCATO_EVENTS is {settings.events!r}: it is {SCHEME}HOST:PORT,HOST:PORT/NAME")
    if not settings.on_servers:
        raise SettingsError("MERCATO_EVENTS is for services whose databases are on servers: set MERCATO_DATABASE too")
    try:
        from mercato.runtime.kafka.bus import KafkaBus
    except ImportError as error:
        raise SettingsError(
            f"MERCATO_EVENTS names Kafka, whose client is not installed ({error.name}): install Mercato with its "
            "servers, `pip install mercato[servers]`, or in a checkout `./mercato setup --servers`"
        ) from None
    servers, _, name = settings.events.removeprefix(SCHEME).partition("/")
    return KafkaBus(servers, name or "mercato", settings.process, parts)
