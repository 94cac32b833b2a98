import pandas as pd
import pytest

from agr.pictures import DataError
from train.utkface import read_split, subset_files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.jpg", "lacks the column"),
        ("file,split\na.jpg,dev", "dev"),
        ("file,split\na.jpg,", "empty"),
        ("file,split\na.jpg,train\na.jpg,test", "twice"),
        ("file,split\na.jpg,train\n,test", "1 row.s. without a file"),
        ("", "cannot be read"),
    ],
)
def test_a_bad_split_says_what_is_wrong(tmp_path, text, message):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_split(tmp_path / "split.csv")


def test_a_split_that_names_absent_files_is_an_error(tmp_path):
    (tmp_path / "split.csv").write_text("file,split\na.jpg,train\nb.jpg,train\nc.jpg,valid\n")
    split = read_split(tmp_path / "split.csv")
    assert list(subset_files(split, "train", pd.Index(["b.jpg", "a.jpg"]))) == ["a.jpg", "b.jpg"]
    with pytest.raises(DataError, match=r"1 train file\(s\).*b\.jpg"):
        subset_files(split, "train", pd.Index(["a.jpg"]))
    with pytest.raises(DataError, match="no test files"):
        subset_files(split, "test", pd.Index(["a.jpg"]))


def test_a_split_may_name_files_as_they_lie_in_the_data(tmp_path):
    (tmp_path / "split.csv").write_text("file,split\n1_0_0_2017.jpg.chip.jpg,train\nb.jpg,test\n")
    assert read_split(tmp_path / "split.csv").to_dict() == {"1_0_0_2017.jpg": "train", "b.jpg": "test"}
