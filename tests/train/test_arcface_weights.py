import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from agr.align import TEMPLATE
from agr.pictures import DataError
from agr.reader import AttributeReader
from train.arcface_weights import load_arcface_weights
from train.init import load_init, model_config
from train.mobile_facenet import SIDE, WIDTH, MobileFaceNet, as_arcface_cuts
from train.model import AttributeNet

ARCFACE = np.array([(38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)])
"""Where ArcFace has eyes, nose and mouth, in pixels of 112."""


def export(net, example, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
        torch.onnx.export(net, (example,), path, dynamo=False, **names)


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """Made weights, in a file as InsightFace's: the layers, then a normalisation."""
    torch.manual_seed(5)
    net, last = MobileFaceNet(), nn.BatchNorm1d(WIDTH)
    for parameter in [*net.parameters(), *last.parameters()]:
        if parameter.ndim > 1:
            nn.init.normal_(parameter, 0, np.sqrt(1.5 / parameter[0].numel()))
        else:
            nn.init.uniform_(parameter, 0.1, 0.9)
    nn.init.uniform_(last.running_mean, -1, 1)
    nn.init.uniform_(last.running_var, 0.3, 3)
    whole = nn.Sequential(net.layers, nn.Flatten(), net.features, last).eval()
    path = tmp_path_factory.mktemp("insightface") / "face.onnx"
    export(whole, torch.zeros(1, 3, SIDE, SIDE), path)
    return path


def test_the_network_computes_what_the_file_does(spread):
    net = MobileFaceNet()
    net.load_state_dict(load_arcface_weights(spread))
    cuts = 2 * torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) - 1
    (expected,) = onnxruntime.InferenceSession(spread).run(None, {"x": cuts.numpy()})
    with torch.inference_mode():
        got = net.features(net.layers(cuts).flatten(1)).numpy()
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(got, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("side", [112, 160, 200])
def test_faces_lie_where_arcface_has_them(side):
    for point, expected in zip(TEMPLATE, ARCFACE, strict=True):
        pixels = torch.arange(side) + 0.5
        x, y = (torch.exp(-(((pixels - place * side) / (0.03 * side)) ** 2)) for place in point)
        spot = as_arcface_cuts((y[:, None] * x)[None, None].expand(1, 3, -1, -1))[0, 0]
        centre = torch.arange(SIDE) + 0.5
        found = (float((spot.sum(axis) * centre).sum() / spot.sum()) for axis in (0, 1))
        assert np.abs(np.array([*found]) - expected).max() < 4


def test_what_lies_outside_is_the_nearest_edges():
    crops = torch.rand(1, 3, 160, 160)
    cut = as_arcface_cuts(crops)
    assert torch.allclose(cut[..., 5, 0], cut[..., 20, 0], atol=1e-6)  # both of the crop's upper left corner
    assert torch.allclose(cut[..., 0, 40], cut[..., 20, 40], atol=1e-6)


def test_fit_starts_from_them_and_the_page_can_read_the_model(spread):
    net = AttributeNet(model_config("mobile_facenet", str(spread), 160, TEMPLATE))
    load_init(net, str(spread))
    crops = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), dtype=np.uint8)
    expected = net.read(crops)
    got = AttributeReader(net.config, {name: each.numpy() for name, each in net.state_dict().items()}).read(crops)
    np.testing.assert_allclose(got.race_probs, expected.race_probs, atol=1e-4)
    np.testing.assert_allclose(got.age_probs, expected.age_probs, atol=1e-4)
    with pytest.raises(DataError, match="do not fit mobilenet_v2"):
        load_init(AttributeNet(model_config("mobilenet_v2", "none", 64, TEMPLATE)), str(spread))


def test_files_that_hold_something_else_are_said(tmp_path):
    path = tmp_path / "face.onnx"
    with pytest.raises(DataError, match=r"w600k_mbf\.onnx"):
        load_arcface_weights(path)
    for content in (b"", b"junk"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="holds no weights of a MobileFaceNet"):
            load_arcface_weights(path)
    export(nn.Conv2d(3, 4, 3), torch.zeros(1, 3, 8, 8), path)
    with pytest.raises(DataError, match="holds no weights of a MobileFaceNet"):
        load_arcface_weights(path)
