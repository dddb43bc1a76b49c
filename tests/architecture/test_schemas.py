"""The check of generated descriptions: an edited, a missing and a left-over file are found."""

import shutil
from pathlib import Path

from tools.check import schemas

PROJECT = Path(__file__).parents[2]


def _copy(root: Path) -> Path:
    shutil.copytree(PROJECT / "schemas", root / "schemas")
    return root


def _names(root: Path) -> list[str]:
    return [finding.path for finding in schemas.check(root)]


def test_the_committed_descriptions_are_those_of_the_code() -> None:
    assert _names(PROJECT) == []


def test_an_edited_description_is_found(tmp_path: Path) -> None:
    path = _copy(tmp_path) / "schemas/events/OrderPaid.v1.json"
    path.write_text(path.read_text("utf-8").replace("order_id", "order"), "utf-8")
    assert _names(tmp_path) == ["schemas/events/OrderPaid.v1.json"]


def test_a_missing_and_a_left_over_description_are_found(tmp_path: Path) -> None:
    folder = _copy(tmp_path) / "schemas/events"
    (folder / "OrderPaid.v1.json").rename(folder / "OrderPayed.v1.json")
    assert _names(tmp_path) == ["schemas/events/OrderPaid.v1.json", "schemas/events/OrderPayed.v1.json"]
