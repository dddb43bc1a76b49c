"""The check of generated configurations: an edited, a missing and a left-over file are found."""

import shutil
from pathlib import Path

from tools.check import edge

PROJECT = Path(__file__).parents[2]


def _copy(root: Path) -> Path:
    shutil.copytree(PROJECT / "deploy", root / "deploy")
    return root


def _names(root: Path) -> list[str]:
    return [finding.path for finding in edge.check(root)]


def test_the_committed_configurations_are_those_of_the_code() -> None:
    assert _names(PROJECT) == []


def test_an_edited_configuration_is_found(tmp_path: Path) -> None:
    path = _copy(tmp_path) / "deploy/edge/nginx/mercato.conf"
    path.write_text(path.read_text("utf-8").replace("$remote_addr", "$proxy_add_x_forwarded_for"), "utf-8")
    assert _names(tmp_path) == ["deploy/edge/nginx/mercato.conf"]


def test_a_missing_and_a_left_over_configuration_are_found(tmp_path: Path) -> None:
    folder = _copy(tmp_path) / "deploy/edge"
    (folder / "kong/kong.json").rename(folder / "kong/kong.yaml")
    assert _names(tmp_path) == ["deploy/edge/kong/kong.json", "deploy/edge/kong/kong.yaml"]
