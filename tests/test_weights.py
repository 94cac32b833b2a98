"""The bundled weights: trained by this code, described by the report and the card beside them, and good enough."""

import json
import os

import numpy as np
import pytest

from agr.annotations import labels_of
from agr.evaluation import metrics as m
from agr.evaluation.report import EvalReport
from agr.evaluation.summary import figures
from agr.evaluation.tables import class_indices
from agr.predictions import predict, table_of
from agr.pretrained import BUNDLED
from tests.conftest import ROOT
from train.card import figures_table, model_card
from train.files import content_hash_of

REPORT = ROOT / "eval_reports" / "mobilenet_v2"
SAMPLE = 300


@pytest.fixture(scope="module")
def report():
    return EvalReport.load(REPORT)


def test_report_card_and_weights_belong_together(report):
    assert report.summary["model"]["weights_hash"] == content_hash_of(BUNDLED / "model.safetensors")
    assert (BUNDLED / "README.md").read_text(encoding="utf-8") == model_card(report)
    assert figures_table(report) in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (BUNDLED / "model.safetensors").stat().st_size < 10_000_000
    assert report.history is not None
    assert len(report.history) == report.summary["model"]["recipe"]["epochs_done"]


def test_the_reports_figures_follow_from_its_predictions(report):
    without = report.predictions[~report.predictions["has_twin"]]
    for part, table in (("all", report.predictions), ("without_twins", without)):
        again = json.loads(json.dumps(figures(table)))
        for name, cell in report.summary["figures"][part].items():
            assert again[name] == pytest.approx(cell, abs=1e-9), name


def test_both_ancestors_are_beaten_on_their_own_figures(report):
    found = {name: cell["value"] for name, cell in report.summary["figures"]["all"].items()}
    assert len(report.predictions) == 4744
    assert found["age_group_accuracy"] >= 0.680
    assert found["age_group_one_off"] >= 0.950
    assert found["gender_accuracy"] >= 0.929
    assert found["race_accuracy"] >= 0.830
    assert found["age_mse"] <= 46
    assert found["age_mae"] <= 4.65


def test_no_report_holds_a_picture_or_a_path():
    for file in (ROOT / "eval_reports").rglob("*.*"):
        assert file.suffix in (".json", ".parquet", ".csv"), file
    assert str(ROOT) not in (REPORT / "report.json").read_text()


@pytest.mark.slow
def test_a_sample_of_the_test_split_comes_out_as_reported(report, analyzer, utkface):
    table = report.predictions.set_index("file", drop=False)
    chosen = table.sample(SAMPLE, random_state=0)
    pictures = ((file, utkface.find(file)) for file in chosen.index)
    labels = {file: labels_of(file) for file in chosen.index}
    rows = table_of(row for row, _ in predict(analyzer, pictures, labels))
    again = rows.set_index("file", drop=False).loc[chosen.index]

    assert (again["detected"] == chosen["detected"]).all()
    seen = chosen["detected"].to_numpy(bool)
    # Another processor rounds differently; a face on the border between two classes may cross it.
    drift = np.abs(again["pred_age"].to_numpy(float) - chosen["pred_age"].to_numpy(float))[seen]
    assert np.quantile(drift, 0.99) < 0.5
    widening = np.sqrt(len(table) / SAMPLE)
    for task in ("age_group", "gender", "race"):
        assert (again[f"pred_{task}"] == chosen[f"pred_{task}"])[seen].mean() > 0.98
        cell = report.summary["figures"]["all"][f"{task}_accuracy"]
        value = m.accuracy(*class_indices(again, task)).value
        # The report's interval is that of 4,744 faces; a sample's is wider by the root of the ratio.
        assert cell["value"] - widening * (cell["value"] - cell["low"]) * 1.5 <= value
        assert value <= cell["value"] + widening * (cell["high"] - cell["value"]) * 1.5


def test_ci_runs_the_tests_on_real_faces():
    if os.environ.get("CI"):
        assert os.environ.get("AGR_UTKFACE"), "CI has to set AGR_UTKFACE"
