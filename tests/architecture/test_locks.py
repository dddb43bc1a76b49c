import pytest

from tests.architecture.conftest import House
from tools.check import locks

HASH = f"    --hash=sha256:{'0' * 64}\n"
PROJECT = """
[project]
dependencies = ["Argon2_CFFI", "uvloop; sys_platform != 'win32'"]

[project.optional-dependencies]
servers = ["redis"]

[dependency-groups]
dev = ["pytest>=8"]
"""
RUN = f"argon2-cffi==25.1.0 \\\n{HASH}uvloop==0.23.0 ; sys_platform != 'win32' \\\n{HASH}"
SERVERS = f"{RUN}redis==8.1.0 \\\n{HASH}"
DEV = f"{SERVERS}pytest==9.2.0 \\\n{HASH}"


@pytest.fixture
def locked(house: House) -> House:
    house.write("pyproject.toml", PROJECT)
    house.write("requirements.lock", RUN)
    house.write("requirements-servers.lock", SERVERS)
    house.write("requirements-dev.lock", DEV)
    return house


def test_locks_that_fit_pass(locked: House) -> None:
    assert locks.check(locked.root) == []


@pytest.mark.parametrize(
    ("lock", "text", "found"),
    [
        ("requirements.lock", RUN.replace("uvloop", "uvloops"), "uvloop is not pinned"),
        ("requirements-servers.lock", RUN, "redis is not pinned"),
        ("requirements-dev.lock", SERVERS, "pytest is not pinned"),
        (
            "requirements-servers.lock",
            SERVERS.replace("0.23.0", "0.22.0"),
            "uvloop is not 0.23.0 as in requirements.lock",
        ),
        ("requirements-dev.lock", DEV.replace("8.1.0", "8.0.0"), "redis is not 8.1.0 as in requirements-servers.lock"),
        ("requirements.lock", RUN + "--index-url x\n", "`--index-url x` is no version with hashes"),
        ("requirements-dev.lock", DEV + "rich==15.0\n", "`rich==15.0` is no version with hashes"),
        ("requirements-dev.lock", DEV + "rich @ x\n", "`rich @ x` is no version with hashes"),
    ],
)
def test_a_lock_that_does_not_fit_is_found(locked: House, lock: str, text: str, found: str) -> None:
    locked.write(lock, text)
    assert found in [finding.what for finding in locks.check(locked.root)]
