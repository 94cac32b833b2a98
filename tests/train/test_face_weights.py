import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from agr.align import TEMPLATE
from agr.pictures import DataError
from train.face_resnet import LEAST_SIDE, FaceResNet
from train.face_weights import load_face_weights
from train.init import hash_of_init, load_init, model_config
from train.model import AttributeNet

BLOCKS = [
    *("conv32_1", "conv32_2", "conv32_3", "conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2", "conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
]


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """Made weights in face-api's files, the way they should be read, and where they are."""
    rng = np.random.default_rng(3)
    tensors, weights, raw = {}, [], b""

    def add(name, values, *, in_bytes):
        nonlocal raw
        entry = {"name": name, "shape": list(values.shape), "dtype": "float32"}
        if in_bytes:
            low, scale = float(values.min()), float(np.ptp(values)) / 255
            steps = np.round((values - low) / scale).astype(np.uint8)
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
            values, content = steps * np.float32(scale) + np.float32(low), steps.tobytes()
        else:
            values = values.astype(np.float32)
            content = values.tobytes()
        weights.append(entry)
        raw += content
        tensors[name] = torch.from_numpy(values.astype(np.float32))

    def convolution(name, side, before, after):
        spread = np.sqrt(1 / (side * side * before))
        add(f"{name}/conv/filters", rng.normal(0, spread, (side, side, before, after)), in_bytes=True)
        add(f"{name}/conv/bias", rng.normal(0, 0.1, after), in_bytes=False)
        add(f"{name}/scale/weights", rng.uniform(0.5, 1.5, after), in_bytes=True)
        add(f"{name}/scale/biases", rng.normal(0, 0.1, after), in_bytes=True)

    convolution("conv32_down", 7, 3, 32)
    width = 32
    for name in BLOCKS:
        wider = int(name.split("_")[0].removeprefix("conv"))
        convolution(f"{name}/conv1", 3, width, wider)
        convolution(f"{name}/conv2", 3, wider, wider)
        width = wider
    add("fc", rng.normal(0, 0.1, (256, 128)), in_bytes=False)
    folder = tmp_path_factory.mktemp("face_api")
    (folder / "face.bin").write_bytes(raw)
    (folder / "face.json").write_text(json.dumps([{"paths": ["face.bin"], "weights": weights}]))
    return tensors, folder / "face.json"


def as_dlib_computes(tensors, rgb):
    """What dlib's network gives for RGB of 0 to 255, (n, 3, h, w): convolution, then scale and shift, step by step."""

    def convolved(x, name, *, stride=1, padding=1):
        x = F.conv2d(
            x, tensors[f"{name}/conv/filters"].permute(3, 2, 0, 1), tensors[f"{name}/conv/bias"], stride, padding
        )
        scale, shift = (tensors[f"{name}/scale/{part}"].view(1, -1, 1, 1) for part in ("weights", "biases"))
        return x * scale + shift

    x = (rgb - torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)) / 256
    x = F.max_pool2d(F.relu(convolved(x, "conv32_down", stride=2, padding=0)), 3, 2)
    for name in BLOCKS:
        halves = "down" in name
        y = F.relu(convolved(x, f"{name}/conv1", stride=2 if halves else 1, padding=0 if halves else 1))
        y = convolved(y, f"{name}/conv2")
        if halves:
            around = F.avg_pool2d(x, 2)
            x = torch.zeros(len(y), y.shape[1], *around.shape[2:])
            x[:, : around.shape[1]] = around
            padded = torch.zeros_like(x)
            padded[:, :, : y.shape[2], : y.shape[3]] = y
            y = padded
        x = F.relu(x + y)
    return x.mean((2, 3))


@pytest.mark.parametrize("side", [150, 160])
def test_the_network_computes_what_dlibs_does(spread, side):
    tensors, manifest = spread
    net = FaceResNet()
    net.load_state_dict(load_face_weights(manifest))
    rgb = 255 * torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        got, expected = net(rgb / 127.5 - 1), as_dlib_computes(tensors, rgb)
    assert expected.std() > 0.01
    assert torch.allclose(got, expected, atol=1e-4 * expected.abs().max().item())


def test_fit_starts_from_them(spread):
    net = AttributeNet(model_config("face_resnet", str(spread[1]), LEAST_SIDE, TEMPLATE))
    load_init(net, str(spread[1]))
    assert torch.equal(net.backbone.conv.weight, load_face_weights(spread[1])["conv.weight"])
    net.read(np.zeros((1, LEAST_SIDE, LEAST_SIDE, 3), np.uint8))
    with pytest.raises(DataError, match="103 pixels and more"):
        model_config("face_resnet", str(spread[1]), LEAST_SIDE - 1, TEMPLATE)
    with pytest.raises(DataError, match="do not fit mobilenet_v2"):
        load_init(AttributeNet(model_config("mobilenet_v2", "none", 64, TEMPLATE)), str(spread[1]))


def test_files_that_hold_something_else_are_said(spread, tmp_path):
    short = tmp_path / "face.json"
    short.write_text(spread[1].read_text())
    for content in (None, b"short"):
        if content:
            (tmp_path / "face.bin").write_bytes(content)
        with pytest.raises(DataError, match="holds no face recognition weights"):
            load_face_weights(short)
    for text in ("junk", "[]", '[{"paths": []}]'):
        short.write_text(text)
        with pytest.raises(DataError, match="holds no face recognition weights"):
            load_face_weights(short)
        with pytest.raises(DataError, match="holds no face recognition weights"):
            hash_of_init(str(short))


def test_there_are_none_of_imagenet():
    with pytest.raises(DataError, match="no ImageNet weights for face_resnet"):
        model_config("face_resnet", "imagenet", 160, TEMPLATE)


def test_other_values_are_another_start(spread, tmp_path):
    before = hash_of_init(str(spread[1]))
    (tmp_path / "face.json").write_text(spread[1].read_text())
    content = (spread[1].parent / "face.bin").read_bytes()
    (tmp_path / "face.bin").write_bytes(content)
    assert hash_of_init(str(tmp_path / "face.json")) == before
    (tmp_path / "face.bin").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert hash_of_init(str(tmp_path / "face.json")) != before
