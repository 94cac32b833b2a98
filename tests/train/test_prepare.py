"""From a real portrait under UTKFace's names to crops: once, resumable, everything accounted for."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from agr.align import crop_face
from agr.detect import FaceDetector
from agr.pictures import DataError
from train import prepare as module
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
    monkeypatch.setattr("agr.cascade.cores", lambda: 1)  # as in a worker: sharing out candidates changes last digits
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


def test_unfinished_data_is_no_data(tmp_path):
    with pytest.raises(DataError, match="train prepare"):
        load_prepared(tmp_path)
