import numpy as np
import pytest
from PIL import Image

from agr.annotations import labels_of
from agr.pictures import PictureSource
from agr.predictions import predict, table_of
from train import stress as s


@pytest.mark.parametrize("name", s.CONDITIONS)
def test_every_condition_changes_a_picture_and_leaves_it_one(name, astronaut):
    face = astronaut.crop((130, 20, 330, 220))
    changed = s.CONDITIONS[name](face)
    assert changed.mode == "RGB"
    assert changed.size != face.size or np.abs(np.asarray(changed, float) - np.asarray(face)).mean() > 0.5


def test_conditions_are_what_they_say(astronaut):
    plain, size = np.asarray(astronaut, float), astronaut.size
    change = s.CONDITIONS
    assert change["30 % darker"](astronaut).size == size
    assert np.asarray(change["30 % darker"](astronaut)).mean() == pytest.approx(0.7 * plain.mean(), rel=0.01)
    assert np.array_equal(np.asarray(change["mirrored"](astronaut)), plain[:, ::-1])
    assert change["enlarged four times"](astronaut).size == (4 * size[0], 4 * size[1])
    grey = np.asarray(change["grey"](astronaut))
    assert (grey[..., 0] == grey[..., 2]).all()


def test_geometry_and_detail_change_as_they_are_called(astronaut):
    face = astronaut.crop((130, 20, 330, 220))
    left, right = (
        np.asarray(s.CONDITIONS[f"turned by 20° to the {side}"](face), float)[60:140, 60:140]
        for side in ("left", "right")
    )
    # Pillow turns to the left by positive angles.
    whole = np.asarray(face.rotate(20, Image.Resampling.BICUBIC), float)[60:140, 60:140]
    assert np.abs(left - whole).mean() < 1 < np.abs(right - whole).mean()
    assert s.CONDITIONS["half the size"](face).size == (100, 100)
    assert s.CONDITIONS["1.6 times the size"](face).size == (320, 320)
    within = s.CONDITIONS["in a larger picture"](face)
    assert within.size == (600, 600)
    assert within.crop((200, 200, 400, 400)).tobytes() == face.tobytes()
    detail = {name: np.diff(np.asarray(s.CONDITIONS[name](face), float), axis=0).std() for name in s.CONDITIONS}
    assert detail["blurred (1 px of 128)"] < 0.8 * detail["mirrored"]
    assert detail["sharpened (radius 2, 150 %)"] > 1.2 * detail["mirrored"]


@pytest.mark.slow
def test_the_figures_of_a_condition_are_paired_with_the_plain_ones(analyzer, astronaut, tmp_path, monkeypatch):
    names = ["41_1_0_2017.jpg", "8_0_2_2018.jpg"]
    for name in names:
        astronaut.save(tmp_path / name)
    Image.new("RGB", (90, 90), "green").save(tmp_path / "20_0_0_2019.jpg")
    pictures = PictureSource(tmp_path)
    labels = {member: labels_of(member) for member in pictures.members}
    table = table_of(row for row, _ in predict(analyzer, pictures.read(), labels))
    monkeypatch.setattr(s, "CONDITIONS", {"mirrored": s.CONDITIONS["mirrored"], "half": s.CONDITIONS["half the size"]})
    found = s.stress(analyzer, pictures, table, labels)
    assert [entry["condition"] for entry in found] == ["mirrored", "half"]
    for entry in found:
        assert entry["n"] == 3
        assert set(entry["figures"]) == set(s.FIGURES)
        figure = entry["figures"]["gender_accuracy"]
        assert figure["plain"] == pytest.approx(1 / 3)
        assert figure["difference"]["value"] == pytest.approx(figure["value"] - figure["plain"])
    plain = table.set_index("file").loc[names]
    assert found[0]["figures"]["age_mae"]["plain"] == pytest.approx(
        (plain["pred_age"] - plain["true_age"]).abs().mean()
    )
