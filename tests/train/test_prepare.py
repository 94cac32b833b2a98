"""From a real portrait under UTKFace's names to crops: once, resumable, everything accounted for."""

import os
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from agr.align import crop_face
from agr.detect import FaceDetector
from agr.pictures import DataError
from train import prepare as module
from train.files import alone_in
from train.prepare import load_prepared, prepare, source_of

pytestmark = pytest.mark.slow


@pytest.fixture
def archive(tmp_path, astronaut, encoded):
    face = astronaut.crop((140, 40, 300, 200))
    pictures = {
        "35_1_0_20170001.jpg.chip.jpg": encoded(face, "JPEG"),
        "35_1_0_20170002.jpg.chip.jpg": encoded(face, "JPEG"),  # a twin
        "36_1_0_20170003.png": encoded(face.resize((200, 200)), "PNG"),
        "36_1_20170004.jpg.chip.jpg": encoded(face, "JPEG"),  # no race
        "37_1_0_20170005.webp": encoded(Image.new("RGB", (80, 80)), "WEBP"),  # no face
        "38_1_0_20170006.jpg": b"broken",
    }
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in pictures.items():
            zipped.writestr(name, content)
    return path


def test_every_picture_is_accounted_for(archive, tmp_path, astronaut, monkeypatch):
    monkeypatch.setattr("agr.engine.cores", lambda: 1)  # as in a worker: sharing out candidates changes last digits
    found = prepare(archive, tmp_path / "out", size=64, workers=1)
    assert (found.pictures, found.faces, found.twin_groups) == (6, 3, 1)
    assert found.malformed == ["36_1_20170004.jpg"]
    assert found.undetected == ["37_1_0_20170005.webp"]
    assert found.unreadable == ["38_1_0_20170006.jpg"]

    data = load_prepared(tmp_path / "out")
    row = data.index.loc["36_1_0_20170003.png"]
    face = astronaut.crop((140, 40, 300, 200)).resize((200, 200))
    expected = crop_face(face, FaceDetector().detect(face).landmarks[0], size=64)
    assert np.array_equal(data.crops[row["row"]], expected)
    assert row["age"] == 36
    assert "36_1_20170004.jpg" not in data.index.index
    assert source_of(tmp_path / "out") == archive.resolve()


def test_an_interrupted_run_goes_on_where_it_was(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_SIZE", 2)
    whole = prepare(archive, tmp_path / "whole", size=64, workers=1)
    join = module._join_parts
    monkeypatch.setattr(module, "_join_parts", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare(archive, tmp_path / "cut", size=64, workers=1)
    parts = sorted((tmp_path / "cut" / "parts").glob("*.csv"))
    assert len(parts) == 3
    parts[1].unlink()
    kept = parts[0].stat().st_mtime_ns
    seen = []

    def join_and_look(folder, *args):
        seen.append(parts[0].stat().st_mtime_ns)
        join(folder, *args)

    monkeypatch.setattr(module, "_join_parts", join_and_look)
    assert prepare(archive, tmp_path / "cut", size=64, workers=1) == whole
    assert seen == [kept]  # the finished part was not made again
    for file in ("faces.csv", "crops.npy"):
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_crops_of_two_kinds_are_not_mixed(archive, tmp_path):
    prepare(archive, tmp_path / "out", size=64, workers=1)
    with pytest.raises(DataError, match="input_size"):
        prepare(archive, tmp_path / "out", size=96, workers=1)


def test_crops_that_have_gone_are_made_again(archive, tmp_path):
    prepare(archive, tmp_path / "out", size=64, workers=1)
    before = np.load(tmp_path / "out" / "crops.npy")
    (tmp_path / "out" / "crops.npy").unlink()
    prepare(archive, tmp_path / "out", size=64, workers=1)
    assert np.array_equal(load_prepared(tmp_path / "out").crops, before)


def killed(*_) -> None:
    os._exit(1)


def test_a_worker_that_is_killed_and_a_full_disk_are_said(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_make_part", killed)
    with pytest.raises(DataError, match="worker process was killed"):
        prepare(archive, tmp_path / "out", size=64, workers=1)
    monkeypatch.undo()
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=100))
    with pytest.raises(DataError, match="has 0 MB left"):
        prepare(archive, tmp_path / "out", size=64, workers=1)
    monkeypatch.undo()
    assert prepare(archive, tmp_path / "out", size=64, workers=1).faces == 3


def test_two_do_not_work_in_one_folder(archive, tmp_path):
    (tmp_path / "out").mkdir()
    with alone_in(tmp_path / "out"), pytest.raises(DataError, match="Another process works in"):
        prepare(archive, tmp_path / "out", size=64, workers=1)


def test_files_of_the_same_names_that_are_not_ours_are_said(tmp_path):
    (tmp_path / "faces.csv").write_text("file,face,age\na.jpg,1,30\n")
    with pytest.raises(DataError, match="no finished prepared data"):
        load_prepared(tmp_path)
    for text in ("{", "[]", "{}", '{"source": 3}'):
        (tmp_path / "source.json").write_text(text)
        with pytest.raises(DataError, match="does not say where the pictures are"):
            source_of(tmp_path)


def test_unfinished_data_is_no_data(tmp_path):
    with pytest.raises(DataError, match="train prepare"):
        load_prepared(tmp_path)
