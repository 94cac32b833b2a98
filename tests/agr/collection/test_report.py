"""A table of photos with labels into a report."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agr.annotations import Labels
from agr.collection import analyze_collection
from agr.collection.folder import CLAIM_FILE, FORMAT
from agr.collection.listing import CollectionError
from agr.collection.report import LeftOut, report_of_collection
from agr.evaluation.report import PROBABILITY_COLUMNS, EvalReport, ReportError
from agr.labels import TASK_CLASSES
from agr.predictions import predict, report_of, table_of
from agr.table import schema


def face(file: str, number: int, **said) -> dict:
    row = {"file": file, "face": number, "score": 1.0, "age": 30.0, "age_low": 20.0, "age_high": 40.0} | said
    for task, columns in PROBABILITY_COLUMNS.items():
        row.setdefault(task, TASK_CLASSES[task][1])
        row |= {column: float(column.endswith(f"_{row[task]}")) for column in columns}
    return row


@pytest.fixture
def faces(tmp_path):
    """A finished table of six photos: two of a name, one of two faces, one without, one damaged, one not labelled."""
    folder = tmp_path / "faces.parquet"
    folder.mkdir()
    rows = [
        face("a.zip/x/31_1_0_1.jpg", 1),
        face("a.zip/x/31_1_0_1.jpg", 2, age=80.0, gender="Male"),
        face("a.zip/y/31_1_0_1.jpg", 1, age=90.0),
        {"file": "a.zip/20_0_1_2.jpg.chip.jpg"},
        {"file": "a.zip/10_0_2_3.jpg", "error": "It is bad."},
        face("a.zip/5_0_0_4.png", 1, age=4.0, gender="Male"),
        face("a.zip/holiday.jpg", 1),
    ]
    for number, some in enumerate((rows[:4], rows[4:])):
        pq.write_table(pa.Table.from_pylist(some, schema()), folder / f"part-{number:05d}.parquet")
    model = {"backbone": "mobilenet_v2", "input_size": 128, "parameters": 7, "name": "m", "digest": "d"}
    claim = {"format": FORMAT, "photos": {"photos": 6, "digest": ""}, "inputs": [["/here/a.zip", 9]], "model": model}
    (folder / CLAIM_FILE).write_text(json.dumps(claim))
    return folder


def test_names_are_labels_and_the_largest_face_counts(faces):
    report, left_out = report_of_collection(faces, None, name="mine")
    table = report.predictions.set_index("file")
    assert list(table.index) == [
        "20_0_1_2.jpg", "5_0_0_4.png",
        "x/31_1_0_1.jpg", "y/31_1_0_1.jpg",
    ]  # fmt: skip
    assert table["detected"].tolist() == [False, True, True, True]
    assert table.loc["x/31_1_0_1.jpg", ["pred_age", "pred_gender", "true_age", "true_race"]].tolist() == [
        30.0, "Female", 31.0, "White",
    ]  # fmt: skip
    assert report.summary["data"]["undetected"] == ["20_0_1_2.jpg"]
    assert report.summary["data"]["name"] == "a.zip"
    assert report.summary["model"]["input_size"] == 128
    assert left_out == LeftOut(unreadable=1, unlabelled=1)


def test_a_name_stays_ambiguous_though_one_of_its_photos_cannot_be_read(tmp_path, faces):
    unreadable = [{"file": f"a.zip/{folder}/p.jpg", "error": "It is bad."} for folder in "xy"]
    for number in (0, 1):
        (faces / f"part-{number:05d}.parquet").unlink()
    claim = json.loads((faces / CLAIM_FILE).read_text())
    (faces / CLAIM_FILE).write_text(json.dumps(claim | {"photos": {"photos": 2, "digest": ""}}))
    (tmp_path / "labels.csv").write_text("file,age\np.jpg,77\n")
    for rows in ([face("a.zip/x/p.jpg", 1), unreadable[1]], unreadable):
        pq.write_table(pa.Table.from_pylist(rows, schema()), faces / "part-00000.parquet")
        with pytest.raises(ReportError, match="1 left out: rows of the CSV that name several photos"):
            report_of_collection(faces, tmp_path / "labels.csv", name="mine")
    (tmp_path / "labels.csv").write_text("file,age\nx/p.jpg,77\n")
    with pytest.raises(ReportError, match="1 left out: a photo that cannot be read"):
        report_of_collection(faces, tmp_path / "labels.csv", name="mine")
    with pytest.raises(ReportError, match="has a label"):
        report_of_collection(faces, None, name="mine")


def test_a_row_labels_the_one_photo_whose_path_ends_with_its_name(faces, tmp_path):
    csv = tmp_path / "labels.csv"
    csv.write_text("file,age\n/data/a.zip/y/31_1_0_1.jpg,50\n31_1_0_1.jpg,1\nz/holiday.jpg,2\n./5_0_0_4.png,3\n")
    report, left_out = report_of_collection(faces, csv, name="mine")
    assert report.predictions.set_index("file")["true_age"].to_dict() == {"y/31_1_0_1.jpg": 50, "5_0_0_4.png": 3}
    assert left_out == LeftOut(unlabelled=4, ambiguous=1, absent=("z/holiday.jpg",))
    assert left_out.sentences() == [
        "4 left out: no label",
        "1 left out: rows of the CSV that name several photos",
        "1 left out: rows of the CSV that name no photo, such as z/holiday.jpg",
    ]


def test_ten_problems_of_a_csv_are_named_and_the_others_counted():
    wrong = tuple((f"{i}.jpg", "age 'x'") for i in range(12))
    assert LeftOut(wrong=wrong[:10]).sentences()[0].endswith("; 9.jpg: age 'x'")
    (said,) = LeftOut(wrong=wrong).sentences()
    assert said.startswith("12 wrong in the CSV. 0.jpg: age 'x'; 1.jpg")
    assert said.endswith("9.jpg: age 'x'; and 2 more")


def test_a_csv_labels_what_it_names(run, faces, tmp_path):
    csv = tmp_path / "labels.csv"
    csv.write_text("file,age,gender\nholiday.jpg,33,Female\n5_0_0_4.png,,1\nelsewhere.jpg,1,0\n20_0_1_2.jpg,200,0\n")
    done = run("report", faces, "--labels", csv, "--output", tmp_path / "mine")
    assert done.exit_code == 0, done.output
    assert "3 labelled photos, a face found in 2" in done.stderr
    assert "1 wrong in the CSV. 20_0_1_2.jpg: in the CSV: age '200'" in done.stderr
    assert re.search(r"^gender_accuracy +0\.\d{4} \(0\.\d{4} to \d\.\d{4}\)$", done.stdout, re.MULTILINE)
    assert "without twins" not in done.stdout  # nobody knows of any
    table = EvalReport.load(tmp_path / "mine").predictions.set_index("file")
    assert table["true_age"].fillna(-1).to_dict() == {"20_0_1_2.jpg": -1, "5_0_0_4.png": -1, "holiday.jpg": 33}
    assert table["true_gender"].to_dict() == {"20_0_1_2.jpg": "Male", "5_0_0_4.png": "Female", "holiday.jpg": "Female"}
    assert table["true_race"].isna().all()


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda f: (f / "part-00001.parquet").unlink(), "not finished: 3 photos"),
    (lambda f: [part.unlink() for part in f.glob("part-*")], "not finished: 6 photos"),
    (lambda f: (f / "part-00001.parquet").write_bytes(b"junk"), "part-00001.parquet"),
    (lambda f: (f / CLAIM_FILE).unlink(), "is not a table"),
    (lambda f: (f.parent / "labels.csv").write_text("name\nx\n"), "Expected file and any of"),
    (lambda f: (f.parent / "labels.csv").write_text("file,age\nx.jpg,3\n"), "has a label"),
    (lambda f: None, "labels.csv cannot be read"),
])  # fmt: skip
def test_refused_with_a_sentence(run, faces, tmp_path, spoil, message):
    spoil(faces)
    done = run("report", faces, "--labels", tmp_path / "labels.csv", "--output", tmp_path / "mine")
    assert (done.exit_code, message in done.output) == (1, True), done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "mine").exists()


@pytest.mark.slow
def test_the_same_report_as_pictures_one_by_one(analyzer, astronaut, tmp_path):
    (tmp_path / "photos").mkdir()
    for degrees in range(0, 360, 45):
        astronaut.rotate(degrees).save(tmp_path / "photos" / f"{20 + degrees // 45}_1_0_{degrees}.jpg")
    analyze_collection([tmp_path / "photos"], tmp_path / "faces.parquet")
    ours, left_out = report_of_collection(tmp_path / "faces.parquet", None, name="ours")
    files = sorted((tmp_path / "photos").iterdir())
    labels = {file.name: Labels(int(file.name[:2]), 1, 0) for file in files}
    rows = predict(analyzer, ((file.name, file.read_bytes()) for file in files), labels)
    theirs = report_of(table_of(row for row, _ in rows), name="theirs", model={}, data={}, history=None)
    assert left_out == LeftOut()
    for column in ours.predictions:
        here, there = ours.predictions[column], theirs.predictions[column]
        if pd.api.types.is_float_dtype(there):
            assert np.allclose(here, there, atol=0.1, equal_nan=True), column
        else:
            assert here.fillna("").tolist() == there.fillna("").tolist(), column


def test_a_damaged_part_is_named_or_read(faces):
    """Most damage is noticed, by one of many errors of pyarrow's; what is not is a wrong value, and no concern here."""
    part = faces / "part-00000.parquet"
    whole, noticed = part.read_bytes(), 0
    for place in np.random.default_rng(0).integers(0, len(whole), 60):
        part.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:
            report_of_collection(faces, None, name="x")
        except CollectionError:
            noticed += 1
        except ReportError:  # of a value that is none
            pass
    assert noticed > 20


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises((ReportError, ValueError), match="is not a table"):
        report_of_collection(tmp_path / "nothing.parquet", None, name="x")
