import numpy as np
import pandas as pd
import pytest

from agr.evaluation.report import EvalReport
from agr.pictures import DataError
from tests.conftest import ROOT
from train.split import make_split
from train.utkface import read_split


@pytest.fixture
def data(tmp_path):
    """A prepared folder of 1,000 pictures, of which every tenth is the one before it again."""
    files = [f"{i % 90}_{i % 2}_{i % 5}_{i:017d}.jpg" for i in range(1000)]
    table = pd.DataFrame({"file": files, "content": [f"c{i - (i % 10 == 9)}" for i in range(1000)]})
    (tmp_path / "data").mkdir()
    table.assign(status="face", age=1, gender=0, race=0, row=range(1000)).to_csv(tmp_path / "data/faces.csv")
    (tmp_path / "data/source.json").write_text("{}")
    np.save(tmp_path / "data/crops.npy", np.zeros((1000, 8, 8, 3), np.uint8))
    return tmp_path / "data"


def contents(data) -> pd.Series:
    return pd.read_csv(data / "faces.csv").set_index("file")["content"]


def test_the_shares_are_as_said_and_equal_pictures_stay_together(data):
    split = make_split(data)
    counts = split.value_counts()
    assert counts.sum() == 1000
    assert counts["test"] == pytest.approx(200, abs=12)
    assert counts["valid"] == pytest.approx(120, abs=12)
    assert (split.groupby(contents(data)).nunique() == 1).all()


def test_a_seed_is_a_split(data):
    assert make_split(data, seed=1).equals(make_split(data, seed=1))
    assert not make_split(data, seed=1).equals(make_split(data, seed=2))


def test_a_reports_pictures_are_the_test_part_and_what_equals_them_is_left_out(bundled_report, data, tmp_path):
    tested = contents(data).index[[8, 20, 500]]  # of the first there is another, the ninth
    few = bundled_report.predictions.head(3).assign(file=list(tested))
    EvalReport(bundled_report.summary, few).save(tmp_path / "report")
    split = make_split(data, test_of=tmp_path / "report")
    assert list(split.index[split == "test"]) == list(tested)
    assert contents(data).index[9] not in split.index
    assert len(split) == 999
    assert (split == "valid").sum() == pytest.approx(120, abs=12)
    EvalReport(bundled_report.summary | {"data": {"subset": "train"}}, few).save(tmp_path / "training")
    with pytest.raises(DataError, match="a report of the train part"):
        make_split(data, test_of=tmp_path / "training")
    with pytest.raises(DataError, match=r"4744 pictures .* are not in"):
        make_split(data, test_of=ROOT / "eval_reports/mobilenet_v2")


def test_the_command_writes_what_the_others_read_and_overwrites_nothing(run, data, tmp_path):
    arguments = ("split", "--data", data, "--output", tmp_path / "split.csv")
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert "test" in done.output
    assert read_split(tmp_path / "split.csv").equals(make_split(data))
    again = run(*arguments)
    assert again.exit_code == 1
    assert "is there already" in again.output
