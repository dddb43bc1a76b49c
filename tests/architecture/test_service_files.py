import pytest

from tests.architecture.conftest import House
from tools.check import service_files

SERVICE = "src/mercato/services/orders"


@pytest.mark.parametrize("name", ["helpers.py", "views/list.py", "adapters.py", "notes.txt", "migrations.py"])
def test_a_strange_file_is_found(house: House, name: str) -> None:
    house.write(f"{SERVICE}/{name}")
    [finding] = service_files.check(house.root)
    assert finding.path == f"{SERVICE}/{name.partition('/')[0]}"


def test_what_one_service_has_of_its_own_must_be_there(house: House) -> None:
    house.write("src/mercato/services/search/indexer.py")
    found = {finding.path for finding in service_files.check(house.root)}
    assert found == {"src/mercato/services/search/finding", "src/mercato/services/search/text"}
    house.write(f"{SERVICE}/indexer.py")
    assert f"{SERVICE}/indexer.py" in {finding.path for finding in service_files.check(house.root)}


def test_a_file_beside_the_services_is_found(house: House) -> None:
    house.write("src/mercato/services/common.py")
    [finding] = service_files.check(house.root)
    assert finding.path == "src/mercato/services/common.py"


def test_code_in_the_docstring_file_is_found(house: House) -> None:
    house.write(f"{SERVICE}/__init__.py", '"""orders: what it owns."""\n\nfrom os import path\n')
    [finding] = service_files.check(house.root)
    assert (finding.path, finding.line) == (f"{SERVICE}/__init__.py", 3)


def test_the_listed_files_pass_and_may_be_folders(house: House) -> None:
    house.write("src/mercato/services/__init__.py", '"""The business."""\n')
    house.write(f"{SERVICE}/__init__.py", '"""orders: what it owns."""\n')
    house.write(f"{SERVICE}/commands.py")
    house.write(f"{SERVICE}/storage/__init__.py")
    house.write(f"{SERVICE}/storage/tables.py")
    house.write(f"{SERVICE}/adapters/__init__.py")
    house.write(f"{SERVICE}/migrations/0001_orders.sql")
    house.write(f"{SERVICE}/__pycache__/commands.pyc")
    assert service_files.check(house.root) == []
