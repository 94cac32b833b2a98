import csv
import io
import sys

import pytest
import typer

from agr.command import written


def test_rows_end_once_where_line_ends_are_translated(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, newline="\r\n"))  # as on Windows
    with written(None) as stream:
        csv.writer(stream).writerows([["a", 1], ["b", 2]])
        stream.flush()
    assert raw.getvalue() == b"a,1\r\nb,2\r\n"


def test_names_that_the_machines_encoding_has_not_are_written(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    with written(None) as stream:
        stream.write("\u0141\u00f3d\u017a.jpg")
        stream.flush()
    assert raw.getvalue().decode() == "\u0141\u00f3d\u017a.jpg"


def test_what_cannot_be_written_is_said(tmp_path, capsys):
    with pytest.raises(typer.Exit):
        written(tmp_path)
    assert "cannot be written" in capsys.readouterr().err
