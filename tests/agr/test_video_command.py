"""python -m agr video, and videos given to python -m agr analyze, as they are called."""

import csv
import io
import json
import signal
from pathlib import Path

import pytest
from PIL import Image

from agr.video.frames import VideoError
from agr.video.table import PERSON_COLUMNS, TIME_COLUMNS
from tests.clips import walk, write_clip
from tests.conftest import ASTRONAUT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", walk(2))


@pytest.fixture
def cut(clip, tmp_path):
    path = write_clip(tmp_path / "cut.mp4", walk(3), options={"preset": "ultrafast", "g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    return path


def test_people_by_default(run, clip):
    done = run("video", clip)
    assert done.exit_code == 0, done.output
    (person,) = map(json.loads, done.stdout.splitlines())
    assert (person["track"], person["frames"]) == (1, 10)


def test_three_files_at_the_rate_that_was_asked_for(run, clip, tmp_path):
    people, times, boxed = tmp_path / "people.csv", tmp_path / "times.csv", tmp_path / "boxed.mp4"
    done = run("video", clip, "--rate", 3, "--output", people, "--times", times, "--annotated", boxed)
    assert done.exit_code == 0, done.output
    (person,) = csv.DictReader(io.StringIO(people.read_text()))
    assert list(person) == list(PERSON_COLUMNS)
    assert (person["track"], person["frames"]) == ("1", "6")
    assert float(person["age_low"]) < float(person["age"]) < float(person["age_high"])
    rows = list(csv.DictReader(io.StringIO(times.read_text())))
    assert list(rows[0]) == list(TIME_COLUMNS)
    assert [row["track"] for row in rows] == ["1"] * 6
    assert boxed.stat().st_size > 1000


def test_of_a_file_cut_off_the_rest_is_kept_and_said(run, cut):
    done = run("video", cut, "--format", "csv")
    assert done.exit_code == 1
    assert "cut off" in done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_photos_and_videos_in_one_table(run, clip, cut, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    output = tmp_path / "faces.csv"
    done = run("analyze", clip, tmp_path / "text.mp4", cut, ASTRONAUT, "--format", "csv", "--output", output)
    assert done.exit_code == 1
    assert "2 of 4 file(s) could not be read in full" in done.stderr
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    assert [row["file"] for row in rows[:2]] == [str(ASTRONAUT), str(clip)]
    assert (rows[0]["time"], rows[0]["track"], rows[0]["error"]) == ("", "", "")
    of_clip = [row for row in rows if row["file"] == str(clip)]
    assert [row["time"] for row in of_clip[:3]] == ["0.0", "0.2", "0.4"]
    assert {row["track"] for row in of_clip} == {"1"}
    errors = {row["file"]: row["error"] for row in rows if row["error"]}
    assert "not a video" in errors[str(tmp_path / "text.mp4")]
    assert "cut off" in errors[str(cut)]


def test_a_video_without_a_face_leaves_a_row(run, tmp_path):
    empty = write_clip(tmp_path / "empty.mp4", [(i / 5, Image.new("RGB", (320, 240), (60, 90, 60))) for i in range(5)])
    done = run("analyze", empty, "--format", "csv")
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert (row["file"], row["face"], row["error"]) == (str(empty), "", "")


def test_a_line_a_frame(run, clip):
    done = run("analyze", clip)
    assert done.exit_code == 0, done.output
    lines = list(map(json.loads, done.stdout.splitlines()))
    assert [line["time"] for line in lines] == pytest.approx([i / 5 for i in range(10)])
    assert lines[0]["faces"][0]["track"] == 1


def test_videos_in_folders_are_left_alone(run, clip):
    done = run("analyze", clip.parent)
    assert done.exit_code == 1
    assert "No photo" in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["video", "nowhere.mp4"], "no file"),
        (["video", "clip.mp4", "--model", "nowhere"], "no folder nowhere"),
        (["video", "clip.mp4", "--annotated", "clip.mp4"], "named twice"),
        (["video", "clip.mp4", "--output", "a.csv", "--times", "a.csv"], "named twice"),
        (["video", "clip.mp4", "--times", "no/a.csv"], "cannot be written"),
        (["video", "clip.mp4", "--annotated", "no/a.mp4"], "no folder"),
        (["analyze", "clip.mp4", "--output", "a.parquet"], "photos only"),
    ],
)
def test_what_is_wrong_is_said(run, clip, args, message, monkeypatch):
    monkeypatch.chdir(clip.parent)
    before = clip.read_bytes()
    done = run(*args)
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output
    assert clip.read_bytes() == before


def test_stopped_by_the_keyboard_it_writes_what_it_has(run, clip, tmp_path, monkeypatch):
    from agr.analyzer import FaceAnalyzer

    whole = FaceAnalyzer.analyze_named

    def interrupted(self, images):
        for place, faces in enumerate(whole(self, images)):
            if place == 6:
                raise KeyboardInterrupt
            yield faces

    monkeypatch.setattr(FaceAnalyzer, "analyze_named", interrupted)
    done = run("video", clip, "--annotated", tmp_path / "boxed.mp4")
    assert done.exit_code == 130
    assert "Stopped after" in done.stderr
    assert json.loads(done.stdout)["frames"] == 6
    assert not list(tmp_path.glob("boxed*"))


def test_stopped_by_the_keyboard_both_tables_end_together(run, clip, tmp_path, monkeypatch):
    from agr.analyzer import FaceAnalyzer

    whole = FaceAnalyzer.analyze_named

    def interrupted(self, images):
        for place, faces in enumerate(whole(self, images)):
            if place == 6:
                signal.raise_signal(signal.SIGINT)
            yield faces

    monkeypatch.setattr(FaceAnalyzer, "analyze_named", interrupted)
    before = signal.getsignal(signal.SIGINT)
    done = run("video", clip, "--times", tmp_path / "times.jsonl", "--annotated", tmp_path / "boxed.mp4")
    assert signal.getsignal(signal.SIGINT) is before
    assert done.exit_code == 130
    assert "Stopped after" in done.stderr
    person = json.loads(done.stdout)
    times = [json.loads(line)["time"] for line in (tmp_path / "times.jsonl").read_text().splitlines()]
    assert len(times) == person["frames"] >= 6
    assert times[-1] == pytest.approx(person["last_seen"], abs=0.01)
    assert not list(tmp_path.glob("boxed*"))


def test_a_copy_that_fails_costs_no_table(run, clip, tmp_path, monkeypatch):
    import agr.video.analysis

    def full(*_, **__):
        raise VideoError("The disk is full.")

    monkeypatch.setattr(agr.video.analysis, "mp4_writer", full)
    people = tmp_path / "people.csv"
    done = run("video", clip, "--output", people, "--annotated", tmp_path / "boxed.mp4")
    assert done.exit_code == 1
    assert "The disk is full. The tables are complete." in done.stderr
    assert len(people.read_text().splitlines()) == 2


def test_what_is_no_video_costs_no_earlier_table(run, tmp_path):
    (tmp_path / "people.csv").write_text("earlier\n")
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    assert run("video", tmp_path / "bad.mp4", "--output", tmp_path / "people.csv").exit_code == 1
    assert (tmp_path / "people.csv").read_text() == "earlier\n"


def test_help_teaches(run):
    done = run("video", "--help")
    assert done.exit_code == 0
    assert "python -m agr video clip.mp4" in done.output


def test_a_table_that_cannot_be_written_costs_no_other(run, clip, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("an earlier table")
    done = run("video", clip, "--output", people, "--times", tmp_path / "none" / "times.csv")
    assert (done.exit_code, people.read_text()) == (1, "an earlier table")
    assert "times.csv cannot be written" in done.stderr


def test_the_clip_is_not_written_over_by_another_name(run, clip, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "clip.mp4")
    done = run("video", tmp_path / "clip.mp4", "--output", tmp_path / "hard.csv")
    assert done.exit_code == 1
    assert "named twice" in done.stderr
    assert (tmp_path / "clip.mp4").read_bytes() == clip.read_bytes()


def test_people_are_written_before_boxes_are_drawn(run, clip, tmp_path, monkeypatch):
    import agr.video.analysis

    people, draw, seen = tmp_path / "people.csv", agr.video.analysis.draw_faces, []
    monkeypatch.setattr(
        agr.video.analysis, "draw_faces", lambda *a, **k: seen.append(people.read_text()) or draw(*a, **k)
    )
    run("video", clip, "--output", people, "--annotated", tmp_path / "boxed.mp4")
    assert len(seen) > 2
    assert all(text == people.read_text() for text in seen[1:])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_said(run, clip):
    for place in ("--output", "--times"):
        done = run("video", clip, place, "/dev/full")
        assert done.exit_code == 1
        assert "/dev/full cannot be written: No space left" in done.stderr


def test_boxes_go_into_files_alone(run, clip, tmp_path):
    done = run("video", clip, "--annotated", tmp_path)
    assert done.exit_code == 1
    assert "it is no file" in done.stderr
