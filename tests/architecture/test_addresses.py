import subprocess

import pytest

from tests.architecture.conftest import House
from tools.check import addresses

# Put together here, so that this file has none of them.
BAD = [
    "/".join(("", "home", "ada", "shop")),
    "x=" + "/".join(("", "root", ".cache")),
    "/".join(("", "work", "main")),
    "/".join(("", "Users", "ada")),
    "\\".join(("C:", "Users", "ada")),
    ".".join(("https://pypi", "org/simple")),
    ".".join(("files", "pythonhosted", "org")),
    ".".join(("registry", "npmjs", "org")),
]

GOOD = ["https://example.com/home/page", "src/work/orders.py", "./root/x", "/v1/users/1", "a /24 network", "~/shop"]


@pytest.mark.parametrize("text", BAD)
def test_an_address_is_found(house: House, text: str) -> None:
    house.write("docs/guide.md", f"first\nsee {text}\n")
    [finding] = addresses.check(house.root)
    assert (finding.path, finding.line) == ("docs/guide.md", 2)


@pytest.mark.parametrize("text", GOOD)
def test_other_text_passes(house: House, text: str) -> None:
    house.write("docs/guide.md", f"see {text}\n")
    assert addresses.check(house.root) == []


def test_files_that_are_no_text_are_passed_over(house: House) -> None:
    house.write("docs/picture.png").write_bytes(b"\x89PNG\xff" + BAD[0].encode())
    assert addresses.check(house.root) == []


def test_what_is_ignored_is_not_looked_at(house: House) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=house.root, check=True)
    house.write(".gitignore", "/private/\n")
    house.write("private/notes.md", BAD[0])
    assert addresses.check(house.root) == []
    house.write("public/notes.md", BAD[0])
    assert [finding.path for finding in addresses.check(house.root)] == ["public/notes.md"]
