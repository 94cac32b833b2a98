import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from agr.attributes import PLAIN_SPREAD
from agr.config import CODE_VERSION, CONFIG_FILE, HEADS, WEIGHTS_FILE, ModelConfig, ModelError
from agr.engine import backbones
from train.model import AttributeNet, headless

pytestmark = pytest.mark.slow
MASSES = (0.8, 0.7, 0.8, 0.7, 0.75, 0.8, 0.85, 0.8, 0.9)
CROPS = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    temperatures = {"age": 1.2, "gender": 0.9, "race": 1.1}
    return AttributeNet(ModelConfig(input_size=64, temperatures=temperatures, interval_mass=MASSES)).eval()


@pytest.fixture
def saved(net, tmp_path):
    net.save(tmp_path)
    return tmp_path


@pytest.mark.parametrize("backbone", backbones())
def test_round_trip_gives_the_same_answers(backbone, tmp_path):
    torch.manual_seed(1)
    net = AttributeNet(ModelConfig(backbone=backbone, input_size=128)).eval()
    net.save(tmp_path)
    again = AttributeNet.load(tmp_path)
    assert again.config == net.config
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), dtype=np.uint8)
    one, two = net.read(crops), again.read(crops)
    for name in ("age_probs", "gender_probs", "race_probs"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_b0", "mobilenet_v3_small", "ghostnet_100"])
def test_other_classifiers_of_torchvision_and_timm_fit(backbone):
    body, width = headless(backbone)
    assert body.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, width)


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(net):
    together, alone = net.read(CROPS), net.read(CROPS[1:2])
    for name in ("age_probs", "gender_probs", "race_probs"):
        probs = getattr(together, name)
        assert np.allclose(probs.sum(axis=1), 1)
        assert np.allclose(probs[1], getattr(alone, name)[0], atol=1e-5)


def test_an_empty_batch_is_answered(net):
    assert len(net.read(CROPS[:0])) == 0


def test_temperatures_soften_and_leave_the_order(net):
    hot = net.calibrated(
        temperatures=dict.fromkeys(("age", "gender", "race"), 5.0), age_spread=PLAIN_SPREAD, interval_mass=(0.6,) * 9
    )
    before, after = net.read(CROPS), hot.read(CROPS)
    assert (after.race_probs.max(axis=1) < before.race_probs.max(axis=1)).all()
    assert np.array_equal(after.race_probs.argsort(), before.race_probs.argsort())
    assert after.interval_mass == (0.6,) * 9


def test_the_code_that_wrote_it_last_is_told(net, tmp_path):
    AttributeNet(replace(net.config, code_version="0.0.1")).save(tmp_path)
    assert AttributeNet.load(tmp_path).config.code_version == CODE_VERSION


def test_a_narrower_spread_makes_surer_of_age_and_leaves_it(net):
    plain = net.calibrated(temperatures=dict.fromkeys(HEADS, 1.0), age_spread=PLAIN_SPREAD, interval_mass=MASSES)
    narrow = net.calibrated(temperatures=dict.fromkeys(HEADS, 1.0), age_spread=(0.7,) * 6, interval_mass=MASSES)
    before, after = plain.read(CROPS), narrow.read(CROPS)
    assert after.age == pytest.approx(before.age, abs=0.05)
    assert (np.diff(after.age_interval) < np.diff(before.age_interval)).all()
    assert np.array_equal(after.race_probs, before.race_probs)


def test_missing_and_broken_weights_are_named(saved):
    (saved / WEIGHTS_FILE).write_bytes(b"junk")
    with pytest.raises(ModelError, match=WEIGHTS_FILE):
        AttributeNet.load(saved)
    (saved / WEIGHTS_FILE).unlink()
    with pytest.raises(ModelError, match=WEIGHTS_FILE):
        AttributeNet.load(saved)


@pytest.mark.skipif(os.name == "nt", reason="files have other rights there")
def test_weights_may_be_read_by_whoever_may_read_their_config(net, tmp_path):
    net.save(tmp_path)
    rights = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert rights["model.safetensors"] == rights["config.json"]


def test_loading_is_strict(saved):
    tensors = load_file(saved / WEIGHTS_FILE)
    del tensors["heads.race.bias"]
    save_file(tensors, saved / WEIGHTS_FILE)
    with pytest.raises(ModelError, match=r"heads\.race\.bias"):
        AttributeNet.load(saved)


def test_weights_of_another_backbone_do_not_load(net, saved):
    AttributeNet(replace(net.config, backbone="densenet121")).save(saved)
    values = json.loads((saved / CONFIG_FILE).read_text())
    (saved / CONFIG_FILE).write_text(json.dumps(values | {"backbone": "mobilenet_v2"}))
    with pytest.raises(ModelError, match="mobilenet_v2"):
        AttributeNet.load(saved)
