import json

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import load_file, save_file

from agr.config import CONFIG_FILE, WEIGHTS_FILE, ModelConfig, ModelError
from agr.engine import backbones, photo_in_work
from agr.reader import AttributeReader
from train.model import AttributeNet

pytestmark = pytest.mark.slow
CROPS = np.random.default_rng(0).integers(0, 256, (18, 112, 112, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=backbones())
def folder(request, tmp_path_factory):
    torch.manual_seed(0)
    temperatures = {"age": 1.2, "gender": 0.9, "race": 1.1}
    config = ModelConfig(
        backbone=request.param, input_size=112, mean=(0.4, 0.5, 0.6), temperatures=temperatures, age_spread=(0.8,) * 6
    )
    net = AttributeNet(config)
    net.train()(torch.rand(8, 3, 112, 112))  # so that the statistics of normalisation layers are not all equal
    path = tmp_path_factory.mktemp(request.param)
    net.save(path)
    return path


def test_it_says_what_torch_says(folder):
    net, reader = AttributeNet.load(folder), AttributeReader.load(folder)
    expected, read = net.read(CROPS), reader.read(CROPS)
    assert read.interval_mass == expected.interval_mass
    for name in ("age_probs", "gender_probs", "race_probs"):
        assert np.allclose(getattr(read, name), getattr(expected, name), atol=1e-4)
    assert reader.parameters == sum(p.numel() for p in net.parameters())


def test_one_core_needs_no_second_copy(folder, monkeypatch):
    expected = AttributeReader.load(folder).read(CROPS[:1]).age_probs
    monkeypatch.setattr("agr.reader.cores", lambda: 1)
    reader = AttributeReader.load(folder)
    assert reader._on_all_cores is reader._side_by_side
    assert np.allclose(reader.read(CROPS[:1]).age_probs, expected, atol=1e-5)


def test_no_crop_and_one_crop(folder):
    reader = AttributeReader.load(folder)
    assert len(reader.read(CROPS[:0])) == 0
    expected = reader.read(CROPS).age_probs[:1]
    assert np.allclose(reader.read(CROPS[:1]).age_probs, expected, atol=1e-5)
    with photo_in_work(), photo_in_work():  # on one core
        assert np.allclose(reader.read(CROPS[:1]).age_probs, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("heads.race.bias"), "heads.race.bias is missing"),
        (lambda t: t.update({"heads.race.bias": np.zeros(4, np.float32)}), r"heads.race.bias of shape \(5,\)"),
        (lambda t: t.update({"heads.race.bias": np.full(5, np.inf, np.float32)}), "no numbers"),
    ],
)
def test_tampered_weights_are_refused(folder, tmp_path, change, message):
    tensors = load_file(folder / WEIGHTS_FILE)
    change(tensors)
    save_file(tensors, tmp_path / WEIGHTS_FILE)
    (tmp_path / CONFIG_FILE).write_text((folder / CONFIG_FILE).read_text())
    with pytest.raises(ModelError, match=message):
        AttributeReader.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 100, (10**9).to_bytes(8, "little") + b"{}"])
def test_damaged_weights_are_refused(folder, tmp_path, content):
    (tmp_path / WEIGHTS_FILE).write_bytes(content)
    (tmp_path / CONFIG_FILE).write_text((folder / CONFIG_FILE).read_text())
    with pytest.raises(ModelError, match="cannot be read"):
        AttributeReader.load(tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_numbers_that_numpy_has_not_are_refused(folder, tmp_path, dtype):
    safetensors.torch.save_file({"heads.race.bias": torch.zeros(5).to(dtype)}, tmp_path / WEIGHTS_FILE)
    (tmp_path / CONFIG_FILE).write_text((folder / CONFIG_FILE).read_text())
    # Where another package taught numpy the type, it can be read, and the other tensors are missing.
    with pytest.raises(ModelError, match=r"cannot be read|is missing"):
        AttributeReader.load(tmp_path)


def test_weights_of_another_backbone_are_refused(folder, tmp_path):
    config = json.loads((folder / CONFIG_FILE).read_text())
    config["backbone"] = next(name for name in backbones() if name != config["backbone"])
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))
    (tmp_path / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes())
    with pytest.raises(ModelError, match="does not fit the backbone"):
        AttributeReader.load(tmp_path)
