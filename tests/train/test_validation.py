import numpy as np
import pandas as pd
import pytest

from agr.attributes import Attributes
from agr.pictures import DataError
from train.prepare import Prepared
from train.validation import read_all, rows_of, valid_figures


def test_the_score_is_the_mean_accuracy_less_a_hundredth_for_a_year():
    rows = pd.DataFrame({"age": [30, 30, 50, 80], "gender": [0, 0, 1, 1], "race": [0, 1, 2, 4]})
    ages = np.eye(117)[[30, 34, 50, 90]]  # 33 to 43 begins at 33: the second is one group off
    read = Attributes(ages, np.eye(2)[[0, 0, 1, 0]], np.eye(5)[[0, 0, 2, 3]])
    figures = valid_figures(read, rows)
    assert figures["age_mae"] == pytest.approx((0 + 4 + 0 + 10) / 4)
    assert figures["age_group_accuracy"] == figures["gender_accuracy"] == 0.75
    assert (figures["age_group_one_off"], figures["race_accuracy"]) == (1.0, 0.5)
    assert figures["score"] == pytest.approx((0.75 + 0.75 + 0.5) / 3 - 0.035)


def test_only_faces_that_were_found_count():
    index = pd.DataFrame({"detected": [True, False, False]}, index=["a", "b", "c"])
    prepared = Prepared(index, np.empty(0), {})
    split = pd.Series(["valid", "valid", "test"], index=["a", "b", "c"])
    assert list(rows_of(prepared, split, "valid").index) == ["a"]
    with pytest.raises(DataError, match="In none of the 1 pictures of the split's test part"):
        rows_of(prepared, split, "test")


def test_each_face_is_read_from_its_own_crop():
    class Net:
        def read(self, crops):
            return Attributes(np.eye(117)[crops], np.full((len(crops), 2), 0.5), np.full((len(crops), 5), 0.2))

    rows = pd.DataFrame({"row": np.random.default_rng(0).permutation(300) % 100})
    assert read_all(Net(), np.arange(100), rows).age.tolist() == rows["row"].tolist()
