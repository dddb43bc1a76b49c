import pytest

from tests.architecture.conftest import House
from tools.check import values_imports


@pytest.mark.parametrize(
    "line", ["import sqlalchemy", "from mercato.runtime import calls", "from ..runtime import calls"]
)
def test_anything_above_the_ground_floor_is_found(house: House, line: str) -> None:
    house.write("src/mercato/values/money.py", f"import re\n{line}\n")
    [finding] = values_imports.check(house.root)
    assert (finding.path, finding.line) == ("src/mercato/values/money.py", 2)


def test_the_standard_library_msgspec_and_values_pass(house: House) -> None:
    lines = [
        "import decimal",
        "from collections.abc import Sequence",
        "import msgspec",
        "from mercato.values import ids",
    ]
    house.write("src/mercato/values/money.py", "\n".join(lines))
    assert values_imports.check(house.root) == []
