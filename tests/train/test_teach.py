from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from agr.config import ModelConfig, ModelError
from agr.pictures import DataError
from tests.train.conftest import ONE_EPOCH
from train.fit import fit
from train.model import AttributeNet
from train.run_folder import BEST_FOLDER
from train.teach import Teachers

CPU = torch.device("cpu")


@pytest.fixture
def folders(tmp_path):
    """Two untrained models, of 32 and of 64 pixels."""
    torch.manual_seed(0)
    for size in (32, 64):
        net = AttributeNet(ModelConfig(input_size=size, temperatures={"age": 0.5, "gender": 2.0, "race": 1.0}))
        net.save(tmp_path / str(size))
    return [tmp_path / "32", tmp_path / "64"]


def test_one_says_what_it_says_of_a_crop_of_its_own_size(folders):
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    said = Teachers(folders[:1], CPU)(torch.from_numpy(crops).permute(0, 3, 1, 2) / 255)
    read = AttributeNet.load(folders[0]).read(crops)
    for task, expected in (("age", read.age_probs), ("gender", read.gender_probs), ("race", read.race_probs)):
        assert said[task].numpy() == pytest.approx(expected, abs=1e-5)


def test_several_of_several_sizes_are_averaged(folders):
    crops = torch.rand(4, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    one, both = (Teachers(chosen, CPU)(crops) for chosen in (folders[:1], folders))
    two = Teachers(folders[1:], CPU)(crops.flip(3))  # the second is asked about the mirror image
    assert {task: probs.shape for task, probs in both.items()} == {"age": (4, 117), "gender": (4, 2), "race": (4, 5)}
    for task in both:
        assert torch.allclose(both[task], (one[task] + two[task]) / 2, atol=1e-6)
        assert torch.allclose(both[task].sum(dim=1), torch.ones(4), atol=1e-5)


def test_a_run_counts_as_training_left_it(folders):
    AttributeNet.load(folders[0]).save(folders[1] / BEST_FOLDER)
    assert [net.config.input_size for net in Teachers(folders[1:], CPU).nets] == [32]


@pytest.mark.slow
def test_a_model_teaches_another(prepared, split, tmp_path):
    teacher = fit(ONE_EPOCH, data=prepared, split=split, output=tmp_path / "teacher")
    taught = {"data": prepared, "split": split, "teachers": [teacher]}
    student = fit(ONE_EPOCH, output=tmp_path / "student", **taught)
    plain, other = (pd.read_csv(run / "history.csv") for run in (teacher, student))
    assert plain["train_race"][0] != other["train_race"][0]
    mixed = fit(replace(ONE_EPOCH, mixup=0.5), output=tmp_path / "mixed", **taught)
    assert pd.read_csv(mixed / "history.csv")["train_race"][0] != other["train_race"][0]
    fit(ONE_EPOCH, output=tmp_path / "student", resume=True, **taught)
    with pytest.raises(DataError, match="other teachers"):
        fit(ONE_EPOCH, output=tmp_path / "student", resume=True, data=prepared, split=split)
    with pytest.raises(DataError, match="not both"):
        fit(ONE_EPOCH, output=tmp_path / "both", soft_labels=tmp_path / "soft.parquet", **taught)
    with pytest.raises(DataError, match="needs at least one --teacher"):
        fit(replace(ONE_EPOCH, mixup=0.5), output=tmp_path / "none", data=prepared, split=split)
    with pytest.raises(ModelError, match="cannot be read"):
        fit(ONE_EPOCH, output=tmp_path / "none", data=prepared, split=split, teachers=[tmp_path / "nowhere"])
    assert not (tmp_path / "none").exists()
