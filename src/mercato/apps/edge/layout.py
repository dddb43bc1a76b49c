"""What an operator says about an installation: where its processes listen, and what is let in."""

import re

import msgspec

from mercato.runtime.access.limits import RULES, Limit, Rule

STOREFRONT = "storefront"

# The processes count who is calling, the edge only sees an address: an office, a school or a mobile network behind one
# of them are many people. So it cuts off floods, and leaves fairness to the limits within.
GENEROSITY = 5.0
MOST_GENEROUS = 1_000.0

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LAST_PORT = 65_535


class Layout(msgspec.Struct, frozen=True):
    """Where everything is. Services that are not named are served by the storefront's processes, which know all routes.

    Addresses have the form HOST:PORT. `host` is the only public name that is answered, "" for any. `generosity`
    multiplies the limits of the processes; 0 switches those of the edge off. Raises ValueError with what would do.
    """

    storefront: tuple[str, ...]
    services: dict[str, tuple[str, ...]] = {}
    listen: str = "127.0.0.1:8080"
    host: str = ""
    generosity: float = GENEROSITY

    def __post_init__(self) -> None:
        _check_address(self.listen, "the address to listen on")
        for service, addresses in self.upstreams.items():
            if not addresses:
                raise ValueError(f"{service} has no process: name at least one, as in 10.0.0.11:8000")
            for address in addresses:
                _check_address(address, f"a process of {service}")
            if len(set(addresses)) < len(addresses):
                raise ValueError(f"{service} names a process twice: {', '.join(addresses)}")
        if self.host and not _NAME.fullmatch(self.host):
            raise ValueError(f"{self.host!r} is no host name: it is like shop.example, without scheme and port")
        if not 0 <= self.generosity <= MOST_GENEROUS:
            raise ValueError(f"the limits are multiplied by {self.generosity:g}: it takes 0 (off) to {MOST_GENEROUS:g}")

    @property
    def upstreams(self) -> dict[str, tuple[str, ...]]:
        """The processes of each group, the storefront's first."""
        return {STOREFRONT: self.storefront, **self.services}

    @property
    def rules(self) -> dict[Limit, Rule]:
        """How much one address may ask for; empty where nothing is limited here."""
        if not self.generosity:
            return {}
        return {
            name: Rule(max(1, int(rule.burst * self.generosity)), rule.per_second * self.generosity)
            for name, rule in RULES.items()
        }


def per_minute(rule: Rule) -> int:
    """The steady rate in whole requests a minute, at least one."""
    return max(1, round(rule.per_second * 60))


def split_address(address: str) -> tuple[str, int]:
    """Host (an IPv6 address in its brackets) and port."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def _check_address(address: str, what: str) -> None:
    host, _, port = address.rpartition(":")
    if not _HOST.fullmatch(host) or not (port.isascii() and port.isdecimal()) or not 0 < int(port) <= _LAST_PORT:
        raise ValueError(f"{what} is {address!r}: it has the form HOST:PORT, as in 10.0.0.11:8000 or [fd00::1]:8000")
