import pandas as pd
import pytest

from train.utkface import DataError, Labels, content_hash, labels_of, read_split, subset_files


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("26_1_2_20170116174525125.jpg.chip.jpg", Labels(26, 1, 2)),
        ("26_1_2_20170116174525125.jpg", Labels(26, 1, 2)),
        ("116_0_4_1.png", Labels(116, 0, 4)),
        ("24_0_1_20170116220224657 .jpg.chip.avif", Labels(24, 0, 1)),
        ("55_0_0_20170116232725357jpg.chip.jpg", Labels(55, 0, 0)),
        ("39_1_20170116174525125.jpg.chip.jpg", None),
        ("61_1_20170109142408075.jpg", None),
        ("26_2_2_2017.jpg", None),
        ("26_1_5_2017.jpg", None),
        ("117_1_0_2017.jpg", None),
        ("portrait.jpg", None),
    ],
)
def test_labels_come_from_the_name(name, expected):
    assert labels_of(name) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.jpg", "lacks the column"),
        ("file,split\na.jpg,dev", "dev"),
        ("file,split\na.jpg,", "empty"),
        ("file,split\na.jpg,train\na.jpg,test", "twice"),
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


def test_content_decides_what_is_equal():
    assert content_hash(b"a") == content_hash(b"a") != content_hash(b"b")
