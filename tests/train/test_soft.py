import numpy as np
import pandas as pd
import pytest

from agr.attributes import Attributes
from agr.pictures import DataError
from tests.train.conftest import ONE_EPOCH
from train.fit import fit
from train.prepare import load_prepared
from train.soft import load_soft, save_soft

FILES = pd.Index(["a.jpg", "b.jpg", "c.jpg"])


def made_up(n: int, seed: int = 0) -> Attributes:
    rng = np.random.default_rng(seed)
    return Attributes(*(rng.dirichlet(np.ones(k), n) for k in (117, 2, 5)))


def test_they_go_out_and_come_back_in_any_order(tmp_path):
    read = made_up(3)
    save_soft(tmp_path / "deep" / "soft.parquet", FILES, [read[:1], read[1:]])
    again = load_soft(tmp_path / "deep" / "soft.parquet", FILES[::-1], unseen=pd.Index([]))
    assert again["age"] == pytest.approx(read.age_probs[::-1], rel=1e-3, abs=1e-6)
    assert again["race"] == pytest.approx(read.race_probs[::-1], rel=1e-3)


def test_what_is_missing_or_no_such_table_is_said(tmp_path):
    save_soft(tmp_path / "soft.parquet", FILES, [made_up(3)])
    with pytest.raises(DataError, match=r"1 training face.*d\.jpg"):
        load_soft(tmp_path / "soft.parquet", pd.Index(["a.jpg", "d.jpg"]), unseen=pd.Index([]))
    with pytest.raises(DataError, match=r"made with 1 of the split's valid or test pictures, such as c\.jpg"):
        load_soft(tmp_path / "soft.parquet", FILES[:2], unseen=FILES[2:])
    pd.DataFrame({"file": ["a.jpg"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no soft labels"):
        load_soft(tmp_path / "other.parquet", FILES[:1], unseen=pd.Index([]))
    with pytest.raises(DataError, match="no soft labels"):
        load_soft(tmp_path / "nothing.parquet", FILES, unseen=pd.Index([]))


@pytest.mark.slow
def test_they_change_what_is_learnt(prepared, split, tmp_path):
    files = load_prepared(prepared).index.query("detected").index[:32]
    save_soft(tmp_path / "soft.parquet", files, [made_up(32)])
    plain = fit(ONE_EPOCH, data=prepared, split=split, output=tmp_path / "plain")
    soft = fit(ONE_EPOCH, data=prepared, split=split, output=tmp_path / "soft", soft_labels=tmp_path / "soft.parquet")
    one, two = (pd.read_csv(run / "history.csv") for run in (plain, soft))
    assert one["train_race"][0] != two["train_race"][0]
    with pytest.raises(DataError, match="other soft labels"):
        fit(ONE_EPOCH, data=prepared, split=split, output=tmp_path / "soft", resume=True)


def test_two_rows_of_a_face_and_what_does_not_sum_to_1_are_refused(tmp_path):
    save_soft(tmp_path / "a.parquet", FILES, [made_up(3)])
    table = pd.read_parquet(tmp_path / "a.parquet")
    pd.concat([table, table[:1]]).to_parquet(tmp_path / "twice.parquet")
    table.assign(race_White=0.9).to_parquet(tmp_path / "sum.parquet")
    for name, message in (("twice", r"names a\.jpg twice"), ("sum", "do not sum to 1")):
        with pytest.raises(DataError, match=message):
            load_soft(tmp_path / f"{name}.parquet", FILES, unseen=pd.Index([]))
