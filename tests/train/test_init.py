import pytest
import torch
from safetensors.torch import save_file

from agr.model import headless
from train.init import IMAGENET_MEAN, load_init, model_config
from train.utkface import DataError


@pytest.fixture
def file(tmp_path):
    """Weights as torchvision would give them, for the features only."""
    torch.manual_seed(5)
    body, _ = headless("mobilenet_v2")
    tensors = {name: value.half() for name, value in body.state_dict().items() if value.is_floating_point()}
    save_file(tensors, tmp_path / "init.safetensors")
    return tmp_path / "init.safetensors"


def test_weights_of_a_file_arrive(file):
    torch.manual_seed(6)
    body, _ = headless("mobilenet_v2")
    load_init(body, "mobilenet_v2", str(file))
    torch.manual_seed(5)
    expected, _ = headless("mobilenet_v2")
    assert torch.allclose(body.features[0][0].weight, expected.features[0][0].weight.half().float())
    assert body.features[0][0].weight.dtype == torch.float32


def test_weights_of_another_backbone_are_refused(file, tmp_path):
    with pytest.raises(DataError, match="do not fit densenet121"):
        load_init(headless("densenet121")[0], "densenet121", str(file))
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    for path in (tmp_path / "junk.safetensors", tmp_path / "none.safetensors"):
        with pytest.raises(DataError, match="cannot be read"):
            load_init(headless("mobilenet_v2")[0], "mobilenet_v2", str(path))


def test_imagenet_weights_bring_their_statistics():
    points = ((0.2, 0.2),) * 5
    assert model_config("mobilenet_v2", "imagenet", 64, points).mean == IMAGENET_MEAN
    assert model_config("mobilenet_v2", "none", 64, points).mean == (0.5, 0.5, 0.5)


def test_imagenet_weights_out_of_reach_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: (_ for _ in ()).throw(OSError("no route to host")))
    with pytest.raises(DataError, match="--init PATH"):
        load_init(headless("mobilenet_v2")[0], "mobilenet_v2", "imagenet")
