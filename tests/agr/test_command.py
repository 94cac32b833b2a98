import csv
import io
import os
import sys
from pathlib import Path

import pytest
import typer

from agr.command import expect_writable, is_same, open_output


def test_rows_end_once_where_line_ends_are_translated(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, newline="\r\n"))  # as on Windows
    with open_output(None) as stream:
        csv.writer(stream).writerows([["a", 1], ["b", 2]])
        stream.flush()
    assert raw.getvalue() == b"a,1\r\nb,2\r\n"


def test_names_that_the_machines_encoding_has_not_are_written(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    with open_output(None) as stream:
        stream.write("\u0141\u00f3d\u017a.jpg")
        stream.flush()
    assert raw.getvalue().decode() == "\u0141\u00f3d\u017a.jpg"


def test_a_folder_is_not_written(tmp_path, capsys):
    with pytest.raises(typer.Exit):
        expect_writable(tmp_path)
    assert "it is a folder" in capsys.readouterr().err


def test_what_cannot_be_written_is_said(tmp_path, capsys):
    with pytest.raises(typer.Exit), open_output(tmp_path):
        pytest.fail("a folder was opened")
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_said(capsys):
    with pytest.raises(typer.Exit), open_output(Path("/dev/full")) as stream:
        stream.write("x" * 100_000)
    assert "/dev/full cannot be written: No space left" in capsys.readouterr().err


def test_to_see_whether_a_file_can_be_written_costs_nothing_of_it(tmp_path):
    (tmp_path / "a.csv").write_text("earlier")
    expect_writable(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "earlier"
    expect_writable(tmp_path / "new.csv")
    assert not (tmp_path / "new.csv").exists()
    with pytest.raises(typer.Exit):
        expect_writable(tmp_path / "none" / "a.csv")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        expect_writable(tmp_path / "pipe")  # whoever reads it would see its end


def test_one_file_by_several_names(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to("loop")
    assert is_same(tmp_path / "a", tmp_path / "hard")
    assert is_same(tmp_path / "new", tmp_path / "none" / ".." / "new")
    assert not is_same(tmp_path / "a", tmp_path / "new")
    assert not is_same(tmp_path / "loop", tmp_path / "a")
