import numpy as np
import pytest

from agr.engine import GRAPHS, Network, backbones
from agr.mtcnn import load_weights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reference():
    from facenet_pytorch import MTCNN

    return MTCNN()


def test_the_graphs_in_the_tree_are_those_that_the_code_writes(tmp_path):
    from train.graphs import write_graphs

    for path in write_graphs(list(backbones()), tmp_path):
        for file in (path, path.with_suffix(".json")):
            assert file.read_bytes() == (GRAPHS / file.name).read_bytes(), file.name


def test_proposals_are_those_of_facenet_pytorch(reference, astronaut):
    import torch

    picture = np.asarray(astronaut.resize((161, 120)))
    scores, corrections = Network("pnet", load_weights()["pnet"])(picture=picture)
    with torch.inference_mode():
        tensor = torch.tensor(picture).permute(2, 0, 1)[None].float()
        expected_corrections, probs = reference.pnet((tensor - 127.5) / 128)
    assert np.allclose(scores, probs[0, 1], atol=1e-4)
    assert np.allclose(corrections, expected_corrections[0], atol=1e-4)


@pytest.mark.parametrize(("name", "side"), [("rnet", 24), ("onet", 48)])
def test_the_later_networks_are_those_of_facenet_pytorch(reference, astronaut, name, side):
    import torch

    crops = np.stack([np.asarray(astronaut.resize((side, side), box=(9 * i, 0, 300, 300))) for i in range(20)])
    found = Network(name, load_weights()[name])(crops=crops)
    with torch.inference_mode():
        expected = getattr(reference, name)((torch.tensor(crops).permute(0, 3, 1, 2).float() - 127.5) / 128)
    probs, others = expected[-1][:, 1], expected[:-1]
    assert np.allclose(found[0], probs, atol=1e-4)
    for one, other in zip(found[1:], others, strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_another_backbone_becomes_known(tmp_path, monkeypatch):
    import torch

    from agr import engine
    from agr.config import ModelConfig
    from agr.reader import AttributeReader
    from train.graphs import write_graphs
    from train.model import AttributeNet

    write_graphs(["resnet18"], tmp_path / "graphs")
    monkeypatch.setattr(engine, "GRAPHS", tmp_path / "graphs")
    torch.manual_seed(0)
    net = AttributeNet(ModelConfig(backbone="resnet18", input_size=64)).eval()
    net.save(tmp_path / "model")
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    assert np.allclose(
        AttributeReader.load(tmp_path / "model").read(crops).age_probs, net.read(crops).age_probs, atol=1e-4
    )


def test_a_classifier_that_is_none_is_named(tmp_path):
    from agr.config import ModelError
    from train.graphs import write_graphs

    with pytest.raises(ModelError, match="has a classifier 'mine'"):
        write_graphs(["mine"], tmp_path)
    with pytest.raises(
        ModelError, match="'googlenet' cannot be written as a graph"
    ):  # whose outputs differ in training
        write_graphs(["googlenet"], tmp_path)
    with pytest.raises(ModelError, match="'vit_tiny_patch16_224' cannot be written as a graph"):  # of 224 px alone
        write_graphs(["vit_tiny_patch16_224"], tmp_path)
