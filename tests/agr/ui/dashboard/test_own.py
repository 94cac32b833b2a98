import os
import zipfile

import gradio as gr
import pytest
from PIL import Image

from agr.evaluation.archive import pack
from agr.ui.dashboard import own as own_page
from agr.ui.dashboard.look import OWN, Reports
from agr.ui.dashboard.own import Evaluation, evaluate_own

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def sent_to_the_page(tmp_path, monkeypatch):
    """What lies in the test's own folder counts as uploaded."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


def run(analyzer, *paths):
    """The last answer, and how many came before it."""
    answers = list(evaluate_own(analyzer, Reports({}), [str(path) for path in paths], Evaluation(), gr.Progress()))
    assert all(own is None and said == "" for own, said in answers[:-1])
    return *answers[-1], len(answers) - 1


def test_labelled_pictures_become_a_report_of_the_session(analyzer, astronaut, encoded, tmp_path, monkeypatch):
    monkeypatch.setattr(own_page, "_EVERY", -1)  # a word after each picture
    face, meadow = encoded(astronaut, "JPEG"), encoded(Image.new("RGB", (90, 90), "green"), "PNG")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("41_1_0_2017.jpg", face)
        archive.writestr("41_1_3_2018.jpg", face)
        archive.writestr("1_0_2_2017.png", meadow)
        archive.writestr("2_0_2_2017.jpg", b"junk")
        archive.writestr("notes.txt", b"x")
    own, said, steps = run(analyzer, tmp_path / "mine.zip")
    assert steps == 4
    assert own.title == OWN
    table = own.report.predictions.set_index("file")
    assert sorted(table.index) == ["1_0_2_2017.png", "41_1_0_2017.jpg", "41_1_3_2018.jpg"]
    assert table["detected"].tolist() == [False, True, True]
    assert "3 faces evaluated, 2 detected" in said
    assert "1 picture was left out" in said  # notes.txt is none
    assert "2_0_2_2017.jpg: This is not a picture" in said
    assert own.find("41_1_0_2017.jpg")[:2] == b"\xff\xd8"
    assert own.find("1_0_2_2017.png")[:2] == b"\xff\xd8"
    twins = own.report.summary["data"]["twins_of"]
    assert twins["41_1_0_2017.jpg"] == [{"file": "41_1_3_2018.jpg", "age": 41, "gender": "Female", "race": "Indian"}]


def test_uploads_that_are_deleted_meanwhile_are_evaluated_to_the_end(analyzer, astronaut, encoded, tmp_path):
    paths = [tmp_path / f"{i}_1_0_2017.jpg" for i in range(30)]
    for path in paths:
        path.write_bytes(encoded(astronaut, "JPEG"))
    answers = evaluate_own(analyzer, Reports({}), [str(path) for path in paths], Evaluation(), gr.Progress())
    next(answers)
    for path in paths:
        path.unlink()  # as Gradio does after minutes
    own, said = list(answers)[-1]
    assert len(own.report.predictions) == 30
    assert "30 faces evaluated" in said


def test_it_stops_when_it_is_told_to(analyzer, astronaut, encoded, tmp_path):
    paths = [tmp_path / f"{i}_1_0_2017.jpg" for i in range(30)]
    for path in paths:
        path.write_bytes(encoded(astronaut, "JPEG"))
    work = Evaluation()
    answers = evaluate_own(analyzer, Reports({}), [str(path) for path in paths], work, gr.Progress())
    next(answers)
    work.stop = True
    own, said = next(answers)
    assert own is None
    assert "Stopped: nothing was evaluated." in said
    assert list(answers) == []
    own, said = list(evaluate_own(analyzer, Reports({}), [str(paths[0])], work, gr.Progress()))[-1]  # and anew
    assert "1 face evaluated" in said


def test_its_report_opens_again(analyzer, opened, tmp_path):
    (tmp_path / "report.zip").write_bytes(pack(opened.report))
    own, said, _ = run(analyzer, tmp_path / "report.zip")
    assert len(own.report.predictions) == 4744
    assert "4,744 faces" in said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("a.zip", b"junk", "not a zip"), ("portrait.jpg", b"x", "No labelled"), ("1_0_0_2017.jpg", b"x", "None of the 1")],
)
def test_what_cannot_be_evaluated_says_so(analyzer, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    own, said, _ = run(analyzer, tmp_path / name)
    assert own is None
    assert message in said
    assert str(tmp_path) not in said


def test_files_are_kept_where_nothing_can_be_linked(analyzer, astronaut, encoded, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "Operation not permitted")))
    (tmp_path / "41_1_0_2017.jpg").write_bytes(encoded(astronaut, "JPEG"))
    own, said, _ = run(analyzer, tmp_path / "41_1_0_2017.jpg")
    assert own is not None, said


def test_a_full_disk_is_no_file_that_has_gone(analyzer, astronaut, encoded, tmp_path, monkeypatch):
    (tmp_path / "41_1_0_2017.jpg").write_bytes(encoded(astronaut, "JPEG"))
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(own_page, "_answered", lambda *_: (_ for _ in ()).throw(full))
    _, said, _ = run(analyzer, tmp_path / "41_1_0_2017.jpg")
    assert "No space left on device" in said
    monkeypatch.setattr(own_page, "_answered", lambda *_: (_ for _ in ()).throw(FileNotFoundError(2, "No such file")))
    _, said, _ = run(analyzer, tmp_path / "41_1_0_2017.jpg")
    assert "no longer on the server" in said


def test_nothing_sent():
    ((own, said),) = evaluate_own(None, Reports({}), None, Evaluation(), gr.Progress())
    assert own is None
    assert "Choose pictures" in said
