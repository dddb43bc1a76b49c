import pytest

from tests.architecture.conftest import House
from tools.check import sql_home


@pytest.mark.parametrize(
    "path",
    ["services/orders/queries.py", "services/orders/storage_more.py", "runtime/http/pages.py", "values/money.py"],
)
def test_sql_in_another_place_is_found(house: House, path: str) -> None:
    house.write(f"src/mercato/{path}", "import re\nfrom sqlalchemy import delete, select\n")
    [finding] = sql_home.check(house.root)
    assert (finding.path, finding.line) == (f"src/mercato/{path}", 2)


@pytest.mark.parametrize(
    "path",
    [
        "services/orders/storage.py",
        "services/orders/storage/tables.py",
        "runtime/database/dialects.py",
        "runtime/documents/json.py",
    ],
)
def test_sql_at_home_passes(house: House, path: str) -> None:
    house.write(f"src/mercato/{path}", "from sqlalchemy import select\n")
    assert sql_home.check(house.root) == []
