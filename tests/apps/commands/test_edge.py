"""`mercato edge`: files for a layout, printed or written; a layout that cannot be is told in one sentence."""

import json
from pathlib import Path

import pytest

from mercato.apps.command_line import main

FRONT = ["--storefront", "10.0.0.1:8000, 10.0.0.2:8000"]


def test_one_file_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "kong", *FRONT, "--service", "orders=10.0.0.3:8000,10.0.0.4:8000"]) == 0
    document = json.loads(capsys.readouterr().out)
    targets = {each["name"]: [target["target"] for target in each["targets"]] for each in document["upstreams"]}
    assert targets == {
        "mercato-storefront": ["10.0.0.1:8000", "10.0.0.2:8000"],
        "mercato-orders": ["10.0.0.3:8000", "10.0.0.4:8000"],
    }


def test_of_several_files_each_has_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "traefik", *FRONT]) == 0
    _, static, dynamic = capsys.readouterr().out.split("# ")
    assert static.startswith("traefik.yml\n{")
    assert dynamic.startswith("mercato.yml\n{")


def test_files_are_written_where_they_are_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    options = ["--listen", "0.0.0.0:80", "--host", "shop.example", "--limits", "0", "--out", str(folder)]
    assert main(["edge", "nginx", *FRONT, *options]) == 0
    assert capsys.readouterr().out == f"wrote {folder / 'mercato.conf'}\n"
    text = (folder / "mercato.conf").read_text("utf-8")
    assert "    listen 0.0.0.0:80;\n    server_name shop.example;\n" in text
    assert "limit_req" not in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--storefront", "10.0.0.1"], "a process of storefront is '10.0.0.1': it has the form HOST:PORT"),
        (["--storefront", " , "], "storefront has no process: name at least one"),
        ([*FRONT, "--service", "orders"], "--service is 'orders': it has the form NAME=HOST:PORT"),
        ([*FRONT, "--service", "=10.0.0.1:1"], "--service is '=10.0.0.1:1': it has the form NAME=HOST:PORT"),
        ([*FRONT, "--service", "orders="], "orders has no process"),
        ([*FRONT, "--service", "order=10.0.0.1:1"], "there is no service order; there are carts, "),
        ([*FRONT, *["--service", "orders=10.0.0.1:1"] * 2], "--service names orders twice"),
        ([*FRONT, "--listen", "8080"], "the address to listen on is '8080'"),
        ([*FRONT, "--host", "https://shop.example"], "'https://shop.example' is no host name"),
        ([*FRONT, "--limits", "-1"], "the limits are multiplied by -1"),
    ],
)
def test_what_cannot_be_is_told(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "haproxy", *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"mercato: {told}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("options", [["edge"], ["edge", "apache", *FRONT], ["edge", "nginx"]])
def test_a_program_and_a_storefront_must_be_named(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
