from pathlib import Path

import pytest

from tests.services.catalog.adapters.files import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
