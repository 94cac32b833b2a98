import pytest
import timm
import torch
from safetensors.torch import save_file

from agr.align import TEMPLATE
from agr.config import ModelConfig
from agr.pictures import DataError
from train.init import IMAGENET_MEAN, load_init, model_config
from train.model import AttributeNet, headless


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
    net = AttributeNet(ModelConfig())
    load_init(net, str(file))
    body = net.backbone
    torch.manual_seed(5)
    expected, _ = headless("mobilenet_v2")
    assert torch.allclose(body.features[0][0].weight, expected.features[0][0].weight.half().float())
    assert body.features[0][0].weight.dtype == torch.float32


def test_weights_of_another_backbone_are_refused(file, tmp_path):
    with pytest.raises(DataError, match="do not fit densenet121"):
        load_init(AttributeNet(ModelConfig(backbone="densenet121")), str(file))
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    for path in (tmp_path / "junk.safetensors", tmp_path / "none.safetensors"):
        with pytest.raises(DataError, match="cannot be read"):
            load_init(AttributeNet(ModelConfig()), str(path))


def test_anothers_config_beside_the_weights_means_nothing(file):
    for text in ('{"architecture": "mobilenet_v2"}', "[]", "junk"):
        (file.parent / "config.json").write_text(text)
        assert model_config("mobilenet_v2", str(file), 64, TEMPLATE).mean == (0.5, 0.5, 0.5)


def test_imagenet_weights_bring_their_statistics():
    assert model_config("mobilenet_v2", "imagenet", 64, TEMPLATE).mean == IMAGENET_MEAN
    assert model_config("mobilenet_v2", "none", 64, TEMPLATE).mean == (0.5, 0.5, 0.5)


def test_imagenet_weights_out_of_reach_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: (_ for _ in ()).throw(OSError("no route to host")))
    with pytest.raises(DataError, match="--init PATH"):
        load_init(AttributeNet(ModelConfig()), "imagenet")


def test_a_whole_model_brings_its_heads(tmp_path):
    earlier, net = AttributeNet(ModelConfig()), AttributeNet(ModelConfig())
    earlier.save(tmp_path)
    load_init(net, str(tmp_path / "model.safetensors"))
    assert torch.equal(net.heads["race"].weight, earlier.heads["race"].weight)
    assert torch.equal(net.backbone.features[0][0].weight, earlier.backbone.features[0][0].weight)


def test_a_whole_model_brings_its_statistics(tmp_path):
    AttributeNet(model_config("mobilenet_v2", "imagenet", 64, TEMPLATE)).save(tmp_path)
    assert model_config("mobilenet_v2", str(tmp_path / "model.safetensors"), 64, TEMPLATE).mean == IMAGENET_MEAN


def test_timm_brings_weights_and_statistics(monkeypatch):
    config = model_config("tf_efficientnet_lite2", "imagenet", 64, TEMPLATE)
    wanted = timm.get_pretrained_cfg("tf_efficientnet_lite2")
    assert (config.mean, config.std) == (wanted.mean, wanted.std)
    assert config.mean != IMAGENET_MEAN
    make, asked = timm.create_model, []

    def instead_of_downloading(name, *, pretrained=False, **options):
        asked.append((name, pretrained))
        return make(name, **options)

    monkeypatch.setattr(timm, "create_model", instead_of_downloading)
    net = AttributeNet(config)
    before = net.backbone.conv_stem.weight.clone()
    load_init(net, "imagenet")
    assert asked[-1] == ("tf_efficientnet_lite2", True)
    assert not torch.equal(net.backbone.conv_stem.weight, before)


def test_what_timm_cannot_bring_is_said(monkeypatch):
    net = AttributeNet(model_config("tf_efficientnet_lite2", "none", 64, TEMPLATE))
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: (_ for _ in ()).throw(OSError("no route to host")))
    with pytest.raises(DataError, match=r"no route to host.*--init PATH"):
        load_init(net, "imagenet")
