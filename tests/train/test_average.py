import json

import pytest
import torch

from agr.config import ModelConfig
from agr.pictures import DataError
from train.average import average, mean_of_states
from train.files import content_hash_of
from train.model import AttributeNet


def test_tensors_are_averaged_and_counters_kept():
    one, two = {"a": torch.tensor([1.0]), "n": torch.tensor(3)}, {"a": torch.tensor([2.0]), "n": torch.tensor(8)}
    assert mean_of_states([one, two]) == {"a": torch.tensor([1.5]), "n": torch.tensor(3)}


@pytest.mark.slow
def test_a_mean_is_a_model_that_tells_what_it_is(prepared, split, tmp_path):
    for seed in (0, 1):
        torch.manual_seed(seed)
        AttributeNet(ModelConfig(input_size=32)).save(tmp_path / str(seed))
        (tmp_path / str(seed) / "fit.json").write_text(json.dumps({"config": {"epochs": seed}}))
    both = [tmp_path / "1", tmp_path / "0"]
    made = average(both, data=prepared, split=split, output=tmp_path / "mean")
    found, one, two = (AttributeNet.load(folder).state_dict() for folder in (tmp_path / "mean", *both))
    name = "backbone.features.0.0.weight"
    assert torch.allclose(found[name], (one[name] + two[name]) / 2)
    told = json.loads((tmp_path / "mean" / "fit.json").read_text())
    assert told["config"] == {"epochs": 1}
    assert len(set(told["averaged"])) == 2
    assert told["balance"] == made.balance
    alone = [average([folder], data=prepared, split=split, output=tmp_path / f"{folder.name} alone") for folder in both]
    assert made.scores == tuple(each.mean for each in alone)
    with pytest.raises(DataError, match="a model or a training run already"):
        average(both, data=prepared, split=split, output=tmp_path / "mean")


@pytest.mark.slow
def test_a_run_that_was_broken_off_is_the_best_so_far(prepared, split, tmp_path):
    AttributeNet(ModelConfig(input_size=32)).save(tmp_path / "run" / "best")
    (tmp_path / "run" / "fit.json").write_text(json.dumps({"config": {"epochs": 9}}))
    (tmp_path / "run" / "history.csv").write_text("epoch\n1\n")
    average([tmp_path / "run" / "best"], data=prepared, split=split, output=tmp_path / "of best")
    assert (tmp_path / "of best" / "history.csv").read_text() == "epoch\n1\n"
    with pytest.raises(DataError, match="named twice"):
        average([tmp_path / "run", tmp_path / "run" / "best"], data=prepared, split=split, output=tmp_path / "twice")
    average([tmp_path / "run"], data=prepared, split=split, output=tmp_path / "mean")
    told = json.loads((tmp_path / "mean" / "fit.json").read_text())
    assert told["averaged"] == [content_hash_of(tmp_path / "run" / "best" / "model.safetensors")]
    (tmp_path / "mean" / "model.safetensors").unlink()  # a run that goes on in another process, say
    with pytest.raises(DataError, match="a training run already"):
        average([tmp_path / "run"], data=prepared, split=split, output=tmp_path / "mean")


@pytest.mark.slow
def test_unlike_models_are_refused(prepared, split, tmp_path):
    for size in (32, 64):
        AttributeNet(ModelConfig(input_size=size)).save(tmp_path / str(size))
    AttributeNet(ModelConfig(input_size=32, mean=(0.1, 0.2, 0.3))).save(tmp_path / "other")
    with pytest.raises(DataError, match=r"crops of 64 pixels.* holds some of 32.*--size 64"):
        average([tmp_path / "64"], data=prepared, split=split, output=tmp_path / "mean")
    with pytest.raises(DataError, match="named twice"):
        average([tmp_path / "32", tmp_path / "32"], data=prepared, split=split, output=tmp_path / "mean")
    for other in ("64", "other"):
        with pytest.raises(DataError, match="only like"):
            average([tmp_path / "32", tmp_path / other], data=prepared, split=split, output=tmp_path / "mean")


@pytest.mark.slow
def test_a_mean_of_a_mean_is_of_what_training_left(prepared, split, tmp_path):
    torch.manual_seed(0)
    net = AttributeNet(ModelConfig(input_size=32))
    net.save(tmp_path / "run")
    (tmp_path / "run" / "fit.json").write_text(json.dumps({"config": {"epochs": 1}}))
    once = average([tmp_path / "run"], data=prepared, split=split, output=tmp_path / "once")
    twice = average([tmp_path / "once"], data=prepared, split=split, output=tmp_path / "twice")
    assert once.balance == twice.balance  # not raised anew
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("once", "twice"))
    assert first == second
    told = [json.loads((tmp_path / name / "fit.json").read_text())["averaged"] for name in ("once", "twice")]
    assert told[0] == told[1] == [content_hash_of(tmp_path / "run" / "model.safetensors")]


@pytest.mark.parametrize("name", ["split.csv", "config.json", "history.csv"])
def test_a_mean_does_not_replace_what_lies_in_its_folder(prepared, split, tmp_path, name):
    AttributeNet(ModelConfig(input_size=32)).save(tmp_path / "model")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("mine")
    with pytest.raises(DataError, match=f"something else, such as {name}"):
        average([tmp_path / "model"], data=prepared, split=split, output=tmp_path / "mine")
    assert [(path.name, path.read_text()) for path in (tmp_path / "mine").iterdir()] == [(name, "mine")]
