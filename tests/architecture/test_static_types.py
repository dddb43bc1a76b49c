from tests.architecture.conftest import House
from tools.check import static_types


def test_a_wrong_type_is_found(house: House) -> None:
    house.write("src/mercato/__init__.py")
    house.write("src/mercato/sums.py", "def double(x: int) -> int:\n    return str(x)\n")
    [finding] = static_types.check(house.root)
    assert (finding.path, finding.line) == ("src/mercato/sums.py", 2)
    assert finding.why == "mypy --strict (return-value)"


def test_a_function_without_types_is_found_in_tests_too(house: House) -> None:
    house.write("tests/test_sums.py", "def test_double():\n    pass\n")
    [finding] = static_types.check(house.root)
    assert finding.why == "mypy --strict (no-untyped-def)"


def test_tests_of_one_name_in_two_folders_pass(house: House) -> None:
    house.write("tests/orders/test_domain.py", "def test_one() -> None: ...\n")
    house.write("tests/carts/test_domain.py", "def test_two() -> None: ...\n")
    assert static_types.check(house.root) == []
