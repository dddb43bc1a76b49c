import pytest

from tests.architecture.conftest import House
from tools.check import function_imports
from tools.check.permissions import Permission

HIDDEN = "def f() -> None:\n    import json\n"


@pytest.mark.parametrize("path", ["src/mercato/runtime/calls.py", "tools/make.py", "tests/test_one.py", "mercato"])
def test_an_import_inside_a_function_is_found(house: House, path: str) -> None:
    house.write(path, HIDDEN)
    [finding] = function_imports.check(house.root, ())
    assert (finding.path, finding.line) == (path, 2)


def test_one_in_a_nested_function_is_found_once(house: House) -> None:
    house.write("tools/make.py", "def f() -> None:\n    async def g() -> None:\n        from a import b\n")
    assert [finding.line for finding in function_imports.check(house.root, ())] == [3]


def test_imports_at_the_top_pass(house: House) -> None:
    house.write("tools/make.py", "import json\ntry:\n    import fcntl\nexcept ImportError:\n    fcntl = None\n")
    assert function_imports.check(house.root, ()) == []


def test_a_permitted_place_passes(house: House) -> None:
    house.write("tools/make.py", HIDDEN)
    assert function_imports.check(house.root, (Permission("tools/make.py", ("json",), "a reason"),)) == []


def test_a_permission_that_nobody_needs_is_found(house: House) -> None:
    house.write("tools/make.py", "import json\n")
    [finding] = function_imports.check(house.root, (Permission("tools/make.py", ("json",), "a reason"),))
    assert finding.path == "tools/check/function_imports.py"
