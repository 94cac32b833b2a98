import copy
import json

import numpy as np
import pandas as pd
import pytest

from agr.evaluation.report import (
    HISTORY_FILE,
    PREDICTIONS_FILE,
    PROBABILITY_COLUMNS,
    REPORT_FILE,
    EvalReport,
    ReportError,
    expect_no_report,
)
from agr.evaluation.summary import figures


def test_round_trip(report, tmp_path):
    report.save(tmp_path)
    again = EvalReport.load(tmp_path)
    pd.testing.assert_frame_equal(again.predictions, report.predictions, check_dtype=False)
    pd.testing.assert_frame_equal(again.history, report.history)
    assert again.summary["figures"]["all"]["race_accuracy"] == report.summary["figures"]["all"]["race_accuracy"]


def test_a_report_without_training_history(report, tmp_path):
    EvalReport(report.summary, report.predictions).save(tmp_path)
    assert EvalReport.load(tmp_path).history is None


def test_an_earlier_report_is_replaced_whole_or_stays(report, tmp_path, monkeypatch):
    report.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    later = EvalReport(report.summary | {"name": "later"}, report.predictions)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(OSError, match="No space"):
            later.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    later.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {REPORT_FILE, PREDICTIONS_FILE}
    assert EvalReport.load(tmp_path).summary["name"] == "later"


def test_a_report_is_overwritten_only_when_asked(report, tmp_path):
    expect_no_report(tmp_path, overwrite=False)
    report.save(tmp_path)
    with pytest.raises(ReportError, match="--overwrite"):
        expect_no_report(tmp_path, overwrite=False)
    expect_no_report(tmp_path, overwrite=True)


def test_a_report_does_not_hide_others_or_lie_among_other_things(report, tmp_path):
    report.save(tmp_path / "reports" / "first")
    for overwrite in (False, True):
        with pytest.raises(ReportError, match=r"a folder of reports\. Name one in it"):
            expect_no_report(tmp_path / "reports", overwrite=overwrite)
    for name in ("fit.json", "config.json", "source.json", "_collection.json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
        with pytest.raises(ReportError, match=f"something else \\({name}\\)"):
            expect_no_report(tmp_path / name, overwrite=True)


def test_a_report_that_was_broken_off_is_written_anew(report, tmp_path):
    report.save(tmp_path / "mine")
    (tmp_path / "mine" / "report.json").unlink()  # which comes last
    expect_no_report(tmp_path / "mine", overwrite=False)


def test_a_figure_without_a_value_is_null_in_json(report, tmp_path):
    summary = report.summary | {"model": {"x": float("nan")}}
    EvalReport(summary, report.predictions).save(tmp_path)
    assert json.loads((tmp_path / REPORT_FILE).read_text())["model"] == {"x": None}


@pytest.mark.parametrize("file", [REPORT_FILE, PREDICTIONS_FILE])
@pytest.mark.parametrize("content", [None, b"", b"\x00junk", b"[1, 2]"])
def test_missing_and_damaged_files_are_named(report, tmp_path, file, content):
    report.save(tmp_path)
    (tmp_path / file).unlink() if content is None else (tmp_path / file).write_bytes(content)
    with pytest.raises(ReportError):
        EvalReport.load(tmp_path)


def test_a_newer_schema_is_refused(report, tmp_path):
    report.save(tmp_path)
    values = json.loads((tmp_path / REPORT_FILE).read_text()) | {"schema_version": 99}
    (tmp_path / REPORT_FILE).write_text(json.dumps(values))
    with pytest.raises(ReportError, match="schema_version is 99"):
        EvalReport.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="pred_age"), "pred_age"),
        (lambda t: t.assign(true_race="Martian"), "Martian"),
        (lambda t: t.assign(prob_gender_Male=7.0), "gender do not sum to 1 "),
        (lambda t: t.iloc[:0], "no row"),
        (lambda t: t.assign(file="same.jpg"), "come twice"),
        (lambda t: t.assign(detected="yes"), "true or false"),
        (lambda t: t.assign(true_age="old"), "other things than numbers"),
        (lambda t: t.assign(true_age=200), "true_age is not within"),
        (lambda t: t.assign(pred_age=np.nan), "pred_age is empty"),
        (lambda t: t.assign(pred_gender="Neither"), "Neither"),
        (lambda t: t.assign(pred_age=1e9), "pred_age is not within"),
        (lambda t: t.assign(age_low=-1.0), "age_low is not within"),
        (lambda t: t.assign(age_low=60.0, age_high=50.0), "age_low is above"),
        (lambda t: t.assign(prob_gender_Male=1.5, prob_gender_Female=-0.5), "1 or are negative"),
        (lambda t: t.assign(pred_gender="Male", prob_gender_Male=0.4, prob_gender_Female=0.6), "not the likeliest"),
    ],
)
def test_predictions_are_checked(report, change, message):
    with pytest.raises(ReportError, match=message):
        EvalReport(report.summary, change(report.predictions))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prob_gender_Male": 7.0}, r"gender do not sum to 1 .* in 1 row"),
        ({"true_age": 200}, "true_age is not within"),
        ({"pred_age": np.nan}, "pred_age is empty"),
        ({"age_low": 60.0, "age_high": 50.0}, "age_low is above"),
        ({"pred_gender": "Male", "prob_gender_Male": 0.4, "prob_gender_Female": 0.6}, "not the likeliest .* in 1 row"),
        ({"file": 3}, "other things than names"),
    ],
)
def test_one_wrong_row_is_enough(report, change, message):
    table = report.predictions.copy()
    table[list(change)] = table[list(change)].astype(object)
    table.loc[table["detected"].idxmax(), list(change)] = list(change.values())
    kinds = {name: float for name in change if name.startswith(("prob_", "age_", "pred_age", "true_age"))}
    with pytest.raises(ReportError, match=message):
        EvalReport(report.summary, table.astype(kinds))


def test_a_detected_face_without_a_predicted_class_is_named(report):
    table = report.predictions.copy()
    table.loc[table["detected"].idxmax(), "pred_race"] = None
    with pytest.raises(ReportError, match="pred_race has"):
        EvalReport(report.summary, table)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_figures_beyond_reason_are_refused(report, tmp_path, value):
    report.save(tmp_path)
    summary = json.loads((tmp_path / REPORT_FILE).read_text())
    summary["figures"]["all"]["age_mae"]["value"] = "VALUE"
    (tmp_path / REPORT_FILE).write_text(json.dumps(summary).replace('"VALUE"', value))
    with pytest.raises(ReportError, match=r"no number|does not hold value"):
        EvalReport.load(tmp_path)


def test_a_broken_history_is_named(report, tmp_path):
    report.save(tmp_path)
    (tmp_path / HISTORY_FILE).write_bytes(b"")
    with pytest.raises(ReportError, match="tables"):
        EvalReport.load(tmp_path)
    (tmp_path / HISTORY_FILE).write_text("epoch,train_age\n1,often\n")
    with pytest.raises(ReportError, match="train_age"):
        EvalReport.load(tmp_path)
    for text in (
        "epoch" + ",x" * 500_000 + "\n",
        "\nepoch" + ",x" * 500_000 + "\n",
        "epoch\n1" + ",2" * 500_000 + "\n",
    ):
        (tmp_path / HISTORY_FILE).write_text(text)
        with pytest.raises(ReportError, match="more than 100 columns"):
            EvalReport.load(tmp_path)


@pytest.mark.parametrize(
    ("version", "message"), [(0, "schema_version is 0"), ("1", "schema_version is '1'"), (None, "schema_version")]
)
def test_versions_that_never_were_are_refused(report, version, message):
    with pytest.raises(ReportError, match=message):
        EvalReport(report.summary | {"schema_version": version}, report.predictions)


def test_a_summary_without_a_name_is_refused(report):
    summary = {key: value for key, value in report.summary.items() if key != "name"}
    with pytest.raises(ReportError, match="missing"):
        EvalReport(summary, report.predictions)


@pytest.mark.parametrize("part", ["all", "without_twins"])
@pytest.mark.parametrize("change", [{"n": "3"}, {"low": None}, {"value": "x"}, {"high": 1e12}])
def test_figures_of_both_parts_are_checked(report, part, change):
    summary = copy.deepcopy(report.summary)
    summary["figures"][part]["age_mae"] |= change
    with pytest.raises(ReportError, match=f"figures.{part}"):
        EvalReport(summary, report.predictions)


def test_a_table_as_others_write_it_is_taken(report, tmp_path):
    """With rounded probabilities, a column of their own, and intervals of no width."""
    table = report.predictions.assign(more="x")
    for columns in PROBABILITY_COLUMNS.values():
        table[columns] = table[columns].astype(float).round(4)
    table.loc[table["detected"], "age_low"] = table["age_high"]
    report.save(tmp_path)
    table.to_parquet(tmp_path / PREDICTIONS_FILE)
    assert "more" not in EvalReport.load(tmp_path).predictions


@pytest.mark.parametrize(
    ("change", "message"),
    [({"file": 3}, "other things than names"), ({"has_twin": 0}, "true or false"), ({"age_high": np.nan}, "is empty")],
)
def test_columns_of_the_predictions_are_checked(report, change, message):
    with pytest.raises(ReportError, match=message):
        EvalReport(report.summary, report.predictions.assign(**change))


def test_near_ties_that_were_decided_otherwise_are_taken(report):
    change = {"pred_gender": "Male", "prob_gender_Male": 0.497, "prob_gender_Female": 0.503}
    EvalReport(report.summary, report.predictions.assign(**change))


def test_a_history_needs_epochs(report):
    with pytest.raises(ReportError, match="column epoch"):
        EvalReport(report.summary, report.predictions, pd.DataFrame({"step": [1]}))


def test_what_is_saved_can_be_read(report, tmp_path):
    wide = pd.DataFrame([range(101)], columns=["epoch", *(f"x{i}" for i in range(100))])
    with pytest.raises(ReportError, match="more than 100 columns"):
        EvalReport(report.summary, report.predictions, wide)
    EvalReport(report.summary, report.predictions, pd.DataFrame({"epoch": []})).save(tmp_path)
    assert EvalReport.load(tmp_path).history is None


def test_nan_is_null_in_lists_too(report, tmp_path):
    EvalReport(report.summary | {"groups": [{"x": [float("nan")]}]}, report.predictions).save(tmp_path)
    assert json.loads((tmp_path / REPORT_FILE).read_text())["groups"] == [{"x": [None]}]


def test_a_report_without_any_label_can_be_saved_and_evaluated(report, tmp_path):
    table = report.predictions.assign(true_age=None, true_gender=None, true_race=None)
    EvalReport(report.summary, table).save(tmp_path)
    assert figures(EvalReport.load(tmp_path).predictions)["race_accuracy"]["n"] == 0
