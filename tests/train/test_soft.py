import numpy as np
import pandas as pd
import pytest

from agr.attributes import Attributes
from agr.config import ModelConfig
from agr.model import AttributeNet
from train.config import FitConfig
from train.fit import fit
from train.prepare import load_prepared
from train.soft import load_soft, mean_of, save_soft, soften
from train.utkface import DataError

FILES = pd.Index(["a.jpg", "b.jpg", "c.jpg"])


def made_up(n: int, seed: int = 0) -> Attributes:
    rng = np.random.default_rng(seed)
    return Attributes(*(rng.dirichlet(np.ones(k), n) for k in (117, 2, 5)))


def test_they_go_out_and_come_back_in_any_order(tmp_path):
    read = made_up(3)
    save_soft(tmp_path / "deep" / "soft.parquet", FILES, read)
    again = load_soft(tmp_path / "deep" / "soft.parquet", FILES[::-1])
    assert again["age"] == pytest.approx(read.age_probs[::-1], rel=1e-3, abs=1e-6)
    assert again["race"] == pytest.approx(read.race_probs[::-1], rel=1e-3)


def test_the_mean_of_models_is_a_distribution():
    found = mean_of([made_up(4, 0), made_up(4, 1)])
    assert found.gender_probs == pytest.approx((made_up(4, 0).gender_probs + made_up(4, 1).gender_probs) / 2)
    assert found.age_probs.sum(axis=1) == pytest.approx(np.ones(4))


def test_what_is_missing_or_no_such_table_is_said(tmp_path):
    save_soft(tmp_path / "soft.parquet", FILES, made_up(3))
    with pytest.raises(DataError, match=r"1 training face.*d\.jpg"):
        load_soft(tmp_path / "soft.parquet", pd.Index(["a.jpg", "d.jpg"]))
    pd.DataFrame({"file": ["a.jpg"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no soft labels"):
        load_soft(tmp_path / "other.parquet", FILES[:1])
    with pytest.raises(DataError, match="no soft labels"):
        load_soft(tmp_path / "nothing.parquet", FILES)


@pytest.mark.slow
def test_a_model_teaches_another(prepared, split, tmp_path):
    config = FitConfig(init="none", epochs=1, batch_size=8, precision="fp32")
    teacher = fit(config, data=prepared, split=split, output=tmp_path / "teacher")
    assert soften([teacher, teacher], data=[prepared], split=split, output=tmp_path / "soft.parquet") == 32
    files = load_prepared(prepared).index.query("detected").index[:32]
    assert load_soft(tmp_path / "soft.parquet", files)["race"].shape == (32, 5)
    plain = pd.read_csv(teacher / "history.csv")
    pupil = fit(config, data=prepared, split=split, output=tmp_path / "pupil", soft_labels=tmp_path / "soft.parquet")
    assert pd.read_csv(pupil / "history.csv")["train_race"][0] != plain["train_race"][0]
    with pytest.raises(DataError, match="soft_labels_hash"):
        fit(config, data=prepared, split=split, output=tmp_path / "pupil", resume=True)
    AttributeNet(ModelConfig(input_size=64)).save(tmp_path / "large")
    with pytest.raises(DataError, match="crops of 64 pixels, but the data hold some of 32"):
        soften([tmp_path / "large"], data=[prepared], split=split, output=tmp_path / "soft.parquet")
