"""python -m agr analyze, as it is called."""

import csv
import io
import json
from pathlib import Path

import pytest

from agr.config import CODE_VERSION
from agr.table import COLUMNS
from tests.conftest import ASTRONAUT

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path, astronaut):
    (tmp_path / "deep").mkdir()
    astronaut.save(tmp_path / "a.jpg")
    astronaut.resize((20, 20)).save(tmp_path / "deep" / "b.png")
    (tmp_path / "c.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def test_a_line_a_photo_and_the_bad_file_named(run, folder):
    done = run("analyze", folder)
    assert done.exit_code == 1
    a, c, b = map(json.loads, done.stdout.splitlines())
    assert a["file"].endswith("a.jpg")
    assert a["faces"][0]["gender"] == "Female"
    assert b == {"file": str(folder / "deep" / "b.png"), "faces": [], "error": None}
    assert "empty" in c["error"]
    assert str(folder / "c.jpg") in done.stderr
    assert "1 of 3" in done.stderr


def test_a_row_a_face_in_a_file(run, folder):
    done = run("analyze", folder / "a.jpg", "--format", "csv", "--output", folder / "out.csv")
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader(io.StringIO((folder / "out.csv").read_text()))
    assert list(row) == ["file", "face", *COLUMNS, "error"]
    assert row["face"] == "1"
    assert row["gender"] == "Female"
    assert float(row["age_low"]) < float(row["age"]) < float(row["age_high"])
    assert sum(
        float(row[f"prob_race_{race}"]) for race in ("White", "Black", "Asian", "Indian", "Others")
    ) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["empty"], "No photo"),
        (["a.jpg", "--model", "nowhere"], "no folder nowhere"),
        (["a.jpg", "--output", "no/dir/x"], "cannot be written"),
    ],
)
def test_what_is_wrong_is_said(run, folder, args, message, monkeypatch):
    (folder / "empty").mkdir()
    monkeypatch.chdir(folder)
    done = run("analyze", *args)
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output


def test_help_teaches(run):
    done = run("analyze", "--help")
    assert done.exit_code == 0
    assert "python -m agr analyze holiday/" in done.output


@pytest.mark.parametrize("what", ["photo", "folder", "list"])
def test_nothing_is_written_over_what_is_read(run, folder, what):
    photo = folder / "a.jpg"
    before = photo.read_bytes()
    (folder / "list.txt").write_text(f"{photo}\n")
    source = {"photo": photo, "folder": folder, "list": folder / "list.txt"}[what]
    done = run("analyze", source, "--output", photo, "--format", "jsonl")
    assert done.exit_code == 1
    assert "one of the files to be read" in done.output
    assert photo.read_bytes() == before


def test_a_table_is_csv_if_it_is_named_so(run, folder):
    done = run("analyze", folder / "a.jpg", "--output", folder / "FACES.CSV")
    assert done.exit_code == 0, done.output
    assert (folder / "FACES.CSV").read_text().startswith("file,face")


def test_a_phones_pictures_are_read_too(run, folder, astronaut):
    astronaut.save(folder / "IMG_1.HEIC", "HEIF")
    done = run("analyze", folder, "--format", "csv")
    assert "IMG_1.HEIC,1," in done.stdout
    assert "1 of 4" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file system that is always full, as Linux has it")
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_full_disk_is_said(run, kind):
    done = run("analyze", ASTRONAUT, "--output", "/dev/full", "--format", kind)
    assert done.exit_code == 1
    assert "/dev/full cannot be written: No space left on device." in done.output


def test_every_photo_leaves_a_row_in_every_format(run, folder):
    for kind in ("jsonl", "csv"):
        run("analyze", folder, "--format", kind, "--output", folder / f"out.{kind}")
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    rows = list(csv.DictReader((folder / "out.csv").open()))
    assert [line["file"] for line in lines] == [row["file"] for row in rows]
    assert [bool(line["faces"]) for line in lines] == [bool(row["face"]) for row in rows] == [True, False, False]
    assert [bool(line["error"]) for line in lines] == [bool(row["error"]) for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("x.parquet", ("--format", "csv"), "is named as parquet, but --format is csv"),
        ("x.csv", ("--format", "parquet"), "is named as csv"),
        ("x.tsv", (), "expected a name that ends in .jsonl, .csv, .parquet"),
    ],
)
def test_a_name_that_contradicts_the_format_is_refused(run, folder, output, options, message):
    done = run("analyze", folder / "a.jpg", "--output", folder / output, *options)
    assert done.exit_code == 1
    assert message in done.output
    assert not (folder / output).exists()


def test_it_says_which_version_it_is(run):
    done = run("--version")
    assert (done.exit_code, done.output.strip()) == (0, CODE_VERSION)


def test_one_photo_that_may_not_be_read_costs_the_others_nothing(run, folder, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("locked.jpg"))  # root may read anything
    (folder / "locked.jpg").write_bytes((folder / "a.jpg").read_bytes())
    done = run("analyze", folder / "locked.jpg", folder / "a.jpg", "--format", "csv")
    assert done.exit_code == 0, done.output
    assert {row["file"] for row in csv.DictReader(done.stdout.splitlines())} == {
        str(folder / "locked.jpg"),
        str(folder / "a.jpg"),
    }


def test_stopped_by_the_keyboard_it_says_what_is_left(run, folder, monkeypatch):
    def stop(self, images):
        yield from ((name, []) for name, _ in list(images)[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr("agr.analyzer.FaceAnalyzer.analyze_named", stop)
    done = run("analyze", folder, "--format", "csv", "--output", folder / "faces.csv")
    assert done.exit_code == 130
    assert "Stopped. What was analyzed by then is written." in done.stderr
    assert len((folder / "faces.csv").read_text().splitlines()) == 2
