"""Tables of permitted places: an exception to a rule is one row, with its reason."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from tools.check.findings import Finding


class Permission(NamedTuple):
    """`names` may be used in `place`: a file, or with a slash at its end a folder. In both `*` stands for one name.

    `names` may be ("*",): everything.
    """

    place: str
    names: tuple[str, ...]
    reason: str


class Permissions:
    """The rows of one table, and which of them were needed."""

    def __init__(self, rows: tuple[Permission, ...], table: str) -> None:
        self._rows = rows
        self._table = table
        self._needed: set[tuple[str, str]] = set()

    def admit(self, path: str, name: str) -> bool:
        for row in self._rows:
            if _covers(row.place, path):
                for permitted in row.names:
                    if permitted in ("*", name):
                        self._needed.add((row.place, permitted))
                        return True
        return False

    def unneeded(self) -> list[Finding]:
        """One finding for each permitted name that nobody uses. Rows with a `*` may wait for their first user."""
        return [
            Finding(
                self._table,
                0,
                f"`{name}` is permitted in {row.place}, which does not use it",
                "an exception that nobody needs hides the next violation",
                "remove it from the table",
            )
            for row in self._rows
            for name in row.names
            if "*" not in row.place and (row.place, name) not in self._needed
        ]


def _covers(place: str, path: str) -> bool:
    wanted, given = place.rstrip("/").split("/"), path.split("/")
    if place.endswith("/"):
        given = given[: min(len(wanted), len(given) - 1)]
    return len(wanted) == len(given) and all(fnmatchcase(name, form) for name, form in zip(given, wanted, strict=True))
