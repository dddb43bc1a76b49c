"""The databases of all services: reachable, safe, protected, of this version."""

from collections.abc import Iterator

import msgspec

from mercato.apps.doctor.results import FAIL, OK, WARN, Check, Result
from mercato.runtime.database.condition import Condition, Login, read_condition, read_owner
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.database.opening import open_database
from mercato.runtime.database.urls import Address
from mercato.runtime.migrate import known_migrations
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings
from mercato.values.clock import Clock

LEAST = {"PostgreSQL": (14,), "MariaDB": (10, 6), "MySQL": (8,)}
CONNECTIONS = 16  # that one process takes for one service, at most
RESERVED = 10  # connections of a server that are left for those who look after it
DRIFTS, WRONG = 1_000, 30_000  # milliseconds between two clocks

_MIGRATE = "run `mercato migrate` with MERCATO_DATABASE_OWNER"
_ADVICE = "see that the server runs and lets this machine in, or correct MERCATO_DATABASE"
_LOGIN = "correct user and password in MERCATO_DATABASE, or let the login in; `mercato migrate` grants it its rights"
# What engines say when they answer and do not let in: a word of it, and what to do.
_REFUSALS = {
    "does not exist": _MIGRATE,
    "Unknown database": _MIGRATE,
    "authentication failed": _LOGIN,
    "Access denied": _LOGIN,
}


class Seen(msgspec.Struct, frozen=True):
    """What is known of one database when its condition is judged."""

    service: str
    condition: Condition
    has_owner: bool


def database_checks(settings: Settings, services: tuple[Service, ...], clock: Clock) -> Iterator[Check]:
    """A check for each service; what is of a whole server is looked at once."""
    servers: set[str] = set()
    counts = {service.name: max(1, len(settings.places.get(service.name, ()))) for service in services}
    for service in services:
        url = settings.databases.get(service.name) or settings.database
        if not url:
            continue
        netloc = Address.read(url).parts.netloc.rpartition("@")[2]
        first, place = netloc not in servers, f"server {netloc}"
        servers.add(netloc)
        wanted = CONNECTIONS * sum(counts.values())
        yield _check(settings, service, clock, (place, wanted) if first else None)


def _check(settings: Settings, service: Service, clock: Clock, whole: tuple[str, int] | None) -> Check:
    what = f"database {service.name}"

    def look() -> list[Result]:
        database = open_database(settings, service.name)
        try:
            condition = read_condition(database)
            now = clock.now()
            results = list(judge(Seen(service.name, condition, bool(settings.database_owner)), _known(service)))
            if whole is not None:
                results += judge_server(whole[0], condition, now, whole[1])
                results += judge_login(whole[0], condition.login, bool(settings.database_owner))
            if settings.database_owner:
                results += judge_owner(what, read_owner(database))
        except DatabaseFault as error:
            return [judge_fault(what, str(error))]
        finally:
            database.close()
        return results

    return Check(what, look, _ADVICE)


def judge_fault(what: str, error: str) -> Result:
    text = " ".join(error.split()).removesuffix("; see that the server runs and can be reached")
    advice = next((advice for word, advice in _REFUSALS.items() if word in text), _ADVICE)
    return Result(FAIL, what, text, advice)


def judge(seen: Seen, known: frozenset[str]) -> Iterator[Result]:
    """Version of the tables, and row policies."""
    what, condition = f"database {seen.service}", seen.condition
    if condition.migrations is None:
        yield Result(FAIL, what, "it has no tables yet", _MIGRATE)
        return
    if newer := sorted(condition.migrations - known):
        yield Result(FAIL, what, f"a newer version made it ({', '.join(newer)})", "start that version, or a newer one")
    if missing := sorted(known - condition.migrations):
        yield Result(WARN, what, f"{len(missing)} migrations are pending ({', '.join(missing)})", _MIGRATE)
    if condition.unprotected:
        names = ", ".join(condition.unprotected)
        yield Result(FAIL, what, f"row-level security is not forced on {names}", _MIGRATE)
    if not (newer or missing or condition.unprotected):
        policies = ", row policies on all tables" if condition.engine == "PostgreSQL" else ""
        yield Result(OK, what, f"{len(known)} migrations{policies}")


def judge_server(what: str, condition: Condition, now: int, wanted: int) -> Iterator[Result]:
    version = tuple(int(part) for part in condition.version.split(".") if part.isdecimal())
    named, least = f"{condition.engine} {condition.version}", LEAST[condition.engine]
    if version < least:
        text = ".".join(map(str, least))
        yield Result(FAIL, what, f"{named} is too old", f"use {condition.engine} {text} or newer")
    else:
        yield Result(OK, what, named)
    skew = abs(condition.now - now)
    if skew > DRIFTS:
        text = f"its clock and ours are {skew / 1_000:.1f} s apart"
        yield Result(FAIL if skew > WRONG else WARN, what, text, "have both machines set their clocks by NTP")
    else:
        yield Result(OK, what, f"clocks differ by less than {DRIFTS // 1_000} s")
    if condition.loose:
        yield Result(
            WARN, what, f"{', '.join(condition.loose)}: a power cut loses orders that were confirmed", "set it back"
        )
    else:
        yield Result(OK, what, "a commit is on disk when it is acknowledged")
    room = condition.most_connections - RESERVED
    text = f"max_connections is {condition.most_connections}, all processes may take {wanted}"
    yield (
        Result(OK, what, text)
        if wanted <= room
        else Result(WARN, what, text, f"raise it to {wanted + RESERVED}, or put a pooler in front")
    )


def judge_login(what: str, login: Login, has_owner: bool) -> Iterator[Result]:
    if login.superuser:
        yield Result(WARN, what, "the login is a superuser: no policy holds it", "give the shop a login of its own")
    elif login.changes_tables:
        advice = "take its rights to make tables away" if has_owner else "set MERCATO_DATABASE_OWNER to another login"
        yield Result(WARN, what, "the login owns tables or may change them", advice)
    else:
        yield Result(OK, what, "the login only reads and writes rows")


def judge_owner(what: str, owner: Login) -> Iterator[Result]:
    if not (owner.changes_tables or owner.superuser):
        yield Result(
            FAIL,
            what,
            "the owner's login may not change tables",
            "name the login that made them in MERCATO_DATABASE_OWNER",
        )


def _known(service: Service) -> frozenset[str]:
    return frozenset(migration.name for migration in known_migrations(service))
