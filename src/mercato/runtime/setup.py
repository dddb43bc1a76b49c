"""What every service is made with."""

import msgspec

from mercato.runtime.parts import Parts
from mercato.runtime.settings import Settings


class Setup(msgspec.Struct, frozen=True):
    """The settings of the installation, everything else that is handed in, and which services this process `runs`
    (None: all). The others' manifests are made too: they say which messages they take."""

    settings: Settings
    parts: Parts
    runs: frozenset[str] | None = None

    def here(self, service: str) -> bool:
        """Whether this process runs the service: then only may it open what is the service's own."""
        return self.runs is None or service in self.runs
