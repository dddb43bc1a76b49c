"""Each import contract is seen to be kept by the shape of the real package, and to be broken by one planted import."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.conftest import PROJECT, House
from tools.check import imports

LAYERS = "Imports point down only"
SERVICES = "No service imports another"
FLOW = "Contracts import one another upstream only"
CYCLES = "No package has a cycle among its modules"

# A contract, the file that breaks it, and what that file imports.
VIOLATIONS = [
    (LAYERS, "values/money.py", "mercato.contracts.orders"),
    (LAYERS, "values/money.py", "mercato.runtime.planted"),
    (LAYERS, "contracts/orders.py", "mercato.runtime.planted"),
    (LAYERS, "contracts/orders.py", "mercato.services.first.domain"),
    (LAYERS, "runtime/planted.py", "mercato.contracts.orders"),
    (LAYERS, "runtime/planted.py", "mercato.services.first.domain"),
    (LAYERS, "runtime/planted.py", "mercato.frontends.storefront"),
    (LAYERS, "runtime/planted.py", "mercato.apps.command_line"),
    (LAYERS, "services/first/api.py", "mercato.frontends.storefront"),
    (LAYERS, "services/first/api.py", "mercato.apps.command_line"),
    (LAYERS, "frontends/storefront/__init__.py", "mercato.services.first.domain"),
    (LAYERS, "frontends/storefront/__init__.py", "mercato.apps.command_line"),
    (SERVICES, "services/first/api.py", "mercato.services.second.domain"),
    (FLOW, "contracts/catalog.py", "mercato.contracts.pricing"),
    (FLOW, "contracts/catalog.py", "mercato.contracts.search"),
    (FLOW, "contracts/pricing.py", "mercato.contracts.carts"),
    (FLOW, "contracts/carts.py", "mercato.contracts.orders"),
    (FLOW, "contracts/orders.py", "mercato.contracts.inventory"),
    (FLOW, "contracts/inventory.py", "mercato.contracts.payments"),
    (FLOW, "contracts/payments.py", "mercato.contracts.notifications"),
    (FLOW, "contracts/orders.py", "mercato.contracts.users"),
    (FLOW, "contracts/users.py", "mercato.contracts.stores"),
]

PERMITTED = [
    ("contracts/orders.py", "mercato.contracts.pricing"),
    ("contracts/notifications.py", "mercato.contracts.orders"),
    ("runtime/planted.py", "mercato.values.money"),
    ("services/first/api.py", "mercato.runtime.planted"),
    ("services/first/api.py", "mercato.contracts.orders"),
    ("frontends/storefront/__init__.py", "mercato.contracts.orders"),
    ("apps/command_line.py", "mercato.services.first.domain"),
]


@pytest.fixture
def shape(house: House) -> House:
    """The real package with empty files, and some that may not be there yet."""
    for module in _modules(PROJECT / "src"):
        house.write(f"src/{module}")
    house.write("src/mercato/runtime/planted.py")
    house.write("src/mercato/apps/command_line.py")
    house.write("src/mercato/frontends/storefront/__init__.py")
    for service in ("first", "second"):
        house.write(f"src/mercato/services/{service}/api.py")
        house.write(f"src/mercato/services/{service}/domain.py")
    for folder in {path.parent for path in house.root.rglob("*.py")}:
        house.write(f"{folder.relative_to(house.root)}/__init__.py")
    for package in ("apps", "frontends", "services"):
        house.write(f"src/mercato/{package}/__init__.py")
    return house


def _modules(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


@pytest.mark.parametrize(("contract", "importer", "imported"), VIOLATIONS)
def test_a_planted_import_breaks_exactly_its_contract(
    shape: House, contract: str, importer: str, imported: str
) -> None:
    shape.write(f"src/mercato/{importer}", f"import {imported}\n")
    [finding] = imports.check(shape.root)
    assert finding.why == f"contract: {contract}"
    assert f" imports {imported}" in finding.what
    assert finding.path.startswith(f"src/mercato/{importer.removesuffix('/__init__.py')}")
    assert finding.line == 1


def test_a_cycle_within_a_package_is_found(shape: House) -> None:
    shape.write("src/mercato/runtime/planted.py", "import mercato.runtime.other\n")
    shape.write("src/mercato/runtime/other.py", "import mercato.runtime.planted\n")
    [finding] = imports.check(shape.root)
    assert finding.why == f"contract: {CYCLES}"


def test_a_package_without_a_layer_is_found(shape: House) -> None:
    shape.write("src/mercato/attic/__init__.py")
    [finding] = imports.check(shape.root)
    assert (finding.path, finding.why) == ("src/mercato/attic", f"contract: {LAYERS}")


def test_a_folder_that_the_contracts_cannot_see_is_found(shape: House) -> None:
    shape.write("src/mercato/services/third/api.py", "import mercato.services.first.domain\n")
    [finding] = imports.check(shape.root)
    assert finding.path == "src/mercato/services/third"


def test_permitted_imports_pass(shape: House) -> None:
    for importer, imported in PERMITTED:
        path = shape.root / "src/mercato" / importer
        path.write_text(path.read_text(encoding="utf-8") + f"import {imported}\n", encoding="utf-8")
    assert imports.check(shape.root) == []


def test_a_linter_that_cannot_run_is_found(shape: House) -> None:
    shape.write("src/mercato/values/money.py", "def (\n")
    [finding] = imports.check(shape.root)
    assert finding.what.startswith("import-linter ended with code 1")
