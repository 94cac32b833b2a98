import base64
import re

import pandas as pd
import pytest

from agr.pictures import DataError
from agr.ui.dashboard.html import csv_link
from train.prepare import load_prepared
from train.relabel import read_relabel, relabelled


@pytest.fixture
def rows(prepared):
    return load_prepared(prepared).index


def written(tmp_path, rows: list[tuple], columns=("file", "task", "given", "suggested")):
    path = tmp_path / "relabel.csv"
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return path


def test_labels_are_corrected_and_all_others_stay(rows, tmp_path):
    file, other = rows.index[3], rows.index[5]
    genders = ("Male", "Female")
    given = genders[rows.at[file, "gender"]]
    path = written(
        tmp_path,
        [
            (file, "gender", given, genders[1 - genders.index(given)]),
            (other, "age", str(rows.at[other, "age"]), "77"),
            ("elsewhere.jpg", "race", "White", "Asian"),
        ],
    )
    changed, count = relabelled(rows, read_relabel(path))
    assert count == 2
    assert changed.at[file, "gender"] == 1 - rows.at[file, "gender"]
    assert changed.at[other, "age"] == 77
    rest = [name for name in rows.index if name not in (file, other)]
    pd.testing.assert_frame_equal(changed.loc[rest], rows.loc[rest])


def test_a_list_for_other_data_is_refused(rows, tmp_path):
    file = rows.index[0]
    path = written(tmp_path, [(file, "age", str(rows.at[file, "age"] + 1), "50")])
    with pytest.raises(DataError, match="made for other data"):
        relabelled(rows, read_relabel(path))
    genders = ("Male", "Female")
    given, wrong = genders[rows.at[file, "gender"]], genders[1 - rows.at[file, "gender"]]
    with pytest.raises(DataError, match=f"the gender of {file} is {wrong}, but it is {given}"):
        relabelled(rows, read_relabel(written(tmp_path, [(file, "gender", wrong, given)])))


def test_a_list_of_other_faces_alone_is_not_passed_over(rows, tmp_path):
    path = written(tmp_path, [("elsewhere.jpg", "race", "White", "Asian"), ("b.jpg", "age", "3", "4")])
    with pytest.raises(DataError, match=r"None of the 2 corrected labels .*--subset train"):
        relabelled(rows, read_relabel(path))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a.jpg", "age", "20", "x"), "line 2: age 'x', expected 0 to 116 years"),
        (("a.jpg", "race", "White", "Martian"), "Martian"),
        (("a.jpg", "hair", "red", "brown"), "task 'hair'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_relabel(written(tmp_path, [row]))


def test_columns_and_repetitions(tmp_path):
    with pytest.raises(DataError, match="lacks"):
        read_relabel(written(tmp_path, [("a.jpg", "age")], ("file", "task")))
    with pytest.raises(DataError, match="twice"):
        read_relabel(written(tmp_path, [("a.jpg", "age", "1", "2")] * 2))
    with pytest.raises(DataError, match="cannot be read"):
        read_relabel(tmp_path / "none.csv")


def test_a_list_of_nothing_corrects_nothing(tmp_path):
    (tmp_path / "list.csv").write_text("file,task,given,suggested\n")
    table = pd.DataFrame({"age": [1], "gender": [0], "race": [0]}, index=["a.jpg"])
    assert relabelled(table, read_relabel(tmp_path / "list.csv"))[1] == 0


def test_names_that_look_like_formulas_are_those_that_the_dashboard_saved(tmp_path):
    names = ["=1+1.jpg", "@home.jpg", "plain.jpg", "'quoted.jpg"]
    link = csv_link("relabel", pd.DataFrame({"file": names, "task": "age", "given": "3", "suggested": "4"}))
    path = tmp_path / "relabel.csv"
    path.write_bytes(base64.b64decode(re.search(r"base64,([^\"]+)", link)[1]))
    assert list(read_relabel(path)["file"]) == names


def test_the_rows_that_are_corrected_are_copies(tmp_path):
    (tmp_path / "list.csv").write_text("file,task,given,suggested\na.jpg,age,1,116\n")
    table = pd.DataFrame({"age": [1], "gender": [0], "race": [0]}, index=["a.jpg"])
    changed, count = relabelled(table, read_relabel(tmp_path / "list.csv"))
    assert (changed.at["a.jpg", "age"], count, table.at["a.jpg", "age"]) == (116, 1, 1)


@pytest.mark.parametrize("odd", ["-1", "117", ""])
def test_ages_out_of_range_are_refused(tmp_path, odd):
    (tmp_path / "list.csv").write_text(f"file,task,given,suggested\na.jpg,age,1,{odd}\n")
    with pytest.raises(DataError, match=f"age '{odd}'"):
        read_relabel(tmp_path / "list.csv")
