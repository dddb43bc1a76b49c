"""Documents that are on a server of their own: reachable, writable, recent, near, and on more than one machine."""

import time
from collections.abc import Iterator

from mercato.apps.doctor.results import FAIL, OK, SECONDS, WARN, Check, Result
from mercato.runtime.documents.opening import documents_address
from mercato.runtime.documents.urls import Address
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings

LEAST = (4, 4)
LEAST_MEMBERS = 3  # of a replica set: with fewer, one that is lost stops or loses what was acknowledged
SLOW = 20.0  # ms for a way to the server and back, of which a batch needs two or three


def documents_checks(settings: Settings, services: tuple[Service, ...]) -> Iterator[Check]:
    """A check for each service whose documents are not in its database. Raises SettingsError."""
    for service in services:
        address = documents_address(settings, service.name) if service.documents else None
        if address is not None:
            yield _check(service.name, address)


def _check(service: str, address: Address) -> Check:
    what = f"documents {service}"

    def look() -> list[Result]:
        from mercato.runtime.documents.condition import read_condition

        found = read_condition(address, SECONDS, time.monotonic)
        return list(judge(what, found.version, found.members, found.latency))

    return Check(
        what, look, "see that MongoDB runs there and lets this login read and write, or correct MERCATO_DOCUMENTS"
    )


def judge(what: str, version: str, members: int, latency: float) -> Iterator[Result]:
    if tuple(int(part) for part in version.split(".") if part.isdecimal()) < LEAST:
        text = ".".join(map(str, LEAST))
        yield Result(FAIL, what, f"MongoDB {version} is too old", f"use MongoDB {text} or newer")
    else:
        yield Result(OK, what, f"MongoDB {version}, a document can be written and removed")
    if members < LEAST_MEMBERS:
        text = f"its replica set has {members} members" if members else "it is a single server"
        advice = f"run a replica set of {LEAST_MEMBERS}: else a lost disk loses carts that were acknowledged"
        yield Result(WARN, what, text, advice)
    else:
        yield Result(OK, what, f"its replica set has {members} members")
    if latency > SLOW:
        advice = "have it in the same data center as the processes of this service"
        yield Result(WARN, what, f"an exchange takes {latency:.1f} ms", advice)
    else:
        yield Result(OK, what, f"an exchange takes {latency:.1f} ms")
