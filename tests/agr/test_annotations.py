import pandas as pd
import pytest

from agr.annotations import LabelError, Labels, labels_of, read_labels, twins_among


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
    ("content", "message"),
    [
        (b"name,age\nx,1\n", "Expected file and any of"),
        (b"", "cannot be read"),
        (b"file\nx.jpg\n", "Expected file"),
        (b"File,file,age\na.jpg,b.jpg,3\n", "column file twice"),
        (b"file,age,age\na.jpg,3,4\n", "column age twice"),
        (b"file,Age,age \na.jpg,3,4\n", "column age twice"),
    ],
)
def test_a_csv_of_another_kind_says_what_was_expected(content, message):
    with pytest.raises(LabelError, match=message):
        read_labels(content)


@pytest.mark.parametrize("age", ["-1", "117", "old", "nan", "inf"])
def test_impossible_ages_are_listed(age):
    labels, bad = read_labels(f"file,age\na.jpg,{age}\nb.jpg,30.5\nc.jpg,116.9\n".encode())
    assert labels == {"b.jpg": Labels(age=30), "c.jpg": Labels(age=116)}
    assert [file for file, _ in bad] == ["a.jpg"]


def test_a_wrong_cell_costs_its_own_label_alone():
    labels, bad = read_labels(b"file,age,gender,race\na.jpg,old,Female,Martian\n")
    assert labels == {"a.jpg": Labels(gender=1)}
    assert [reason.split(",")[0] for _, reason in bad] == ["in the CSV: age 'old'", "in the CSV: race 'Martian'"]


def test_a_row_that_says_nothing_right_does_not_hide_another():
    labels, bad = read_labels(b"file,gender\na.jpg,banana\na.jpg,Male\n")
    assert labels == {"a.jpg": Labels(gender=0)}
    assert len(bad) == 1


def test_numbers_that_pandas_has_written_as_floats_are_classes():
    table = pd.DataFrame({"file": ["a.jpg", "b.jpg"], "age": [25, None], "gender": [1, None], "race": [2, None]})
    labels, bad = read_labels(table.to_csv(index=False).encode())
    assert (labels, bad) == ({"a.jpg": Labels(25, 1, 2), "b.jpg": Labels()}, [])


def test_a_row_without_a_file_is_listed():
    assert read_labels(b"file,age\n,3\n") == ({}, [("a row", "in the CSV without the name of a file")])


def test_a_picture_that_has_two_rows_keeps_the_first():
    labels, bad = read_labels(b"file,age,gender\na.jpg,10,Male\na.jpg,60,Female\nb.jpg,3,0\nx/b.jpg,3,Male\n")
    three = Labels(age=3, gender=0)
    assert labels == {"a.jpg": Labels(age=10, gender=0), "b.jpg": three, "x/b.jpg": three}
    assert bad == [("a.jpg", "in the CSV twice, with different labels; the first row counts")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_of_any_language_are_read(separator):
    text = f"file{separator}age{separator}gender\na.jpg{separator}30{separator}Female\n"
    assert read_labels(text.encode()) == ({"a.jpg": Labels(30, 1)}, [])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_years_may_have_the_decimal_comma_of_their_spreadsheet_and_whole_ones_count(separator):
    found, bad = read_labels(f"file{separator}age\na.jpg{separator}3,9\nb.jpg{separator}25.9\n".encode())
    assert (found, bad[1:]) == ({"a.jpg": Labels(age=3), "b.jpg": Labels(age=25)}, [])


def test_rows_and_paths_without_end_are_refused():
    with pytest.raises(LabelError, match="more than 100 columns"):
        read_labels(b"file,age" + b",x" * 300_000 + b"\n")
    found, bad = read_labels(b"file,age,gender,race\n" + b"a/" * 100_000 + b"b.jpg,3,0,0\nc.jpg,4,0,0\n")
    assert list(found) == ["c.jpg"]
    assert "more than 1000 characters" in bad[0][1]


def test_cells_may_have_blanks_and_rows_a_last_comma():
    labels, bad = read_labels(b'file, age ,race\na.jpg, 30.9 ,Asian ,\nb.jpg,"7 ",2,\n')
    assert labels == {"a.jpg": Labels(age=30, race=2), "b.jpg": Labels(age=7, race=2)}
    assert not bad


def test_a_quoted_cell_may_follow_a_blank():
    labels, _ = read_labels(b'file, age\n"a,b.jpg", "7"\n')
    assert labels == {"a,b.jpg": Labels(age=7)}


def test_names_may_have_blanks_around_them_and_the_table_empty_lines_before_it():
    labels, bad = read_labels(b"\n\nfile ; age\na.jpg ; 20 \n")
    assert labels == {"a.jpg": Labels(age=20)}
    assert not bad


def test_columns_that_may_be_meant_for_labels_are_named():
    found, bad = read_labels(b"file,age,sex,race\na.jpg,30,Male,White\n")
    assert found["a.jpg"] == Labels(30, None, 0)
    assert bad == [("sex", "a column of the CSV that is not used: expected file, age, gender, race")]
    assert read_labels(b"file,age,gender,race,notes\na.jpg,30,Male,White,x\n")[1] == []


def test_pictures_that_are_alike_name_each_other_with_their_labels():
    labels = {"a": Labels(30, 1, 4), "b": Labels(None, None, None), "c": Labels(5, 0, 0)}
    assert twins_among({"a": "x", "b": "x", "c": "y"}, labels) == {
        "a": [{"file": "b", "age": None, "gender": None, "race": None}],
        "b": [{"file": "a", "age": 30, "gender": "Female", "race": "Others"}],
    }


def test_empty_rows_are_passed_over():
    assert read_labels(b"file,age,gender\na.jpg,30,Female\n,,\n , ,\n") == ({"a.jpg": Labels(30, 1)}, [])
