"""The program as it is started: what it answers, and that a file on which it breaks is a refused file."""

import os
from pathlib import Path

import pytest

from mercato.services.catalog.adapters import pictures
from mercato.services.catalog.adapters.made_pictures import Made, Refused
from mercato.services.catalog.adapters.pictures import MachineFull, PictureProgram
from tests.services.catalog.photographs import bomb, photograph


async def test_a_picture_is_made_in_a_process_of_its_own() -> None:
    made = await PictureProgram().make(photograph())
    assert isinstance(made, Made)
    assert [size.width for size in made.sizes] == [160, 320, 640, 800]


async def test_a_bomb_is_refused() -> None:
    answer = await PictureProgram().make(bomb())
    assert isinstance(answer, Refused)
    assert "more than 60 million" in answer.reason


async def test_a_file_that_takes_too_long_is_refused() -> None:
    answer = await PictureProgram(timeout=0.001).make(photograph())
    assert answer == Refused("The picture takes too long to be read: save it in a smaller size or as a JPEG.")


async def test_a_file_on_which_the_program_breaks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_PROGRAM", "mercato.there_is_no_such_program")
    answer = await PictureProgram().make(photograph())
    assert answer == Refused("The picture cannot be read: save it anew, or as a JPEG.")


async def test_a_program_that_the_system_ends_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ended.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(pictures, "_PROGRAM", "ended")
    with pytest.raises(MachineFull):
        await PictureProgram().make(b"")


async def test_the_program_knows_no_secret_of_the_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told.py").write_text(
        "import os, sys, msgspec\n"
        "sys.stdin.buffer.read()\n"
        "told = sorted(name for name in os.environ if name.startswith('MERCATO'))\n"
        "sys.stdout.buffer.write(msgspec.msgpack.encode({'type': 'Refused', 'reason': repr(told)}))\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("MERCATO_MEDIA", "s3://key:secret@s3.example/bucket")
    monkeypatch.setattr(pictures, "_PROGRAM", "told")
    assert await PictureProgram().make(b"") == Refused("[]")
