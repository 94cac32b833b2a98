import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agr.annotations import Labels
from agr.evaluation.report import COLUMNS
from agr.predictions import model_facts, predict, report_of, table_of


@pytest.mark.slow
def test_pictures_become_rows_and_rows_a_report(analyzer, astronaut, encoded):
    pictures = {
        "b_portrait.jpg": encoded(astronaut, "JPEG"),
        "a_meadow.png": encoded(Image.new("RGB", (100, 100), "green"), "PNG"),
        "c_broken.jpg": b"junk",
    }
    labels = {"b_portrait.jpg": Labels(age=41, gender=1), "a_meadow.png": Labels(race=2), "c_broken.jpg": Labels(age=3)}
    answers = list(predict(analyzer, pictures.items(), labels, twins=frozenset(["a_meadow.png"])))
    assert [row["file"] for row, _ in answers] == list(pictures)
    table = table_of(row for row, _ in answers)
    assert list(table.columns) == COLUMNS
    assert table["file"].tolist() == sorted(pictures)
    assert table["detected"].tolist() == [False, True, False]
    assert table["has_twin"].tolist() == [True, False, False]
    row = table.iloc[1]
    assert (row["true_age"], row["true_gender"], row["pred_gender"]) == (41, "Female", "Female")
    assert pd.isna(row["true_race"])
    assert np.isclose(sum(row[f"prob_gender_{g}"] for g in ("Male", "Female")), 1)

    report = report_of(table, name="three", model=model_facts(analyzer), data={"name": "three"}, history=None)
    assert report.summary["data"]["undetected"] == ["a_meadow.png", "c_broken.jpg"]
    assert report.summary["figures"]["all"]["gender_accuracy"]["n"] == 1
    counts = [report.summary["figures"][part]["race_accuracy"]["n"] for part in ("all", "without_twins")]
    assert counts == [1, 0]
    assert report.summary["data"]["twins"] == 1
    assert report.summary["model"]["input_size"] == analyzer.config.input_size == 160
