"""What every service is made with."""

import msgspec

from mercato.runtime.media.opening import open_media
from mercato.runtime.media.store import MediaStore
from mercato.runtime.parts import Parts
from mercato.runtime.settings import Settings


class Setup(msgspec.Struct, frozen=True):
    """The settings of the installation, everything else that is handed in, and which services this process `runs`
    (None: all). The others' manifests are made too: they say which messages they take. `media` None: as the settings
    say."""

    settings: Settings
    parts: Parts
    media: MediaStore | None = None
    runs: frozenset[str] | None = None

    def open_media(self) -> MediaStore:
        """The store of media that was handed in, else the one of the settings."""
        return self.media or open_media(self.settings, self.parts)

    def here(self, service: str) -> bool:
        """Whether this process runs the service: then only may it open what is the service's own."""
        return self.runs is None or service in self.runs
