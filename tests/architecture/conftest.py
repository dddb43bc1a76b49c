"""A small project to plant violations in."""

import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


class House:
    """A project at `root` with the configuration of the real one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copy(PROJECT / "pyproject.toml", root)

    def write(self, path: str, text: str = "") -> Path:
        """Write a file, with the folders that it needs."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)
