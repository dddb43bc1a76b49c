"""The mark in a data folder whose shop has moved to servers."""

from pathlib import Path

from mercato.runtime.settings import Settings

NAME = "moved-to"


def mark_moved(data: Path, where: str) -> None:
    (data / NAME).write_text(where + "\n", encoding="utf-8")


def require_not_moved(settings: Settings) -> None:
    """Raise ValueError where the shop of this data folder has moved to servers, and the settings name none."""
    mark = settings.data / NAME
    if not settings.on_servers and mark.exists():
        raise ValueError(
            f"the shop in {settings.data} has moved to {mark.read_text('utf-8').strip()}: set MERCATO_DATABASE to that "
            "place, or go on with this folder by --despite-move; what is sold here is not known there"
        )
