from collections.abc import Iterator

import pytest

from mercato.apps.simulate.seeds import Workshop, folder_in_memory


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    """Where seeds are run in the test's own process."""
    with folder_in_memory() as folder:
        yield Workshop(folder / "workshop")
