import json
import shutil

import pytest

from agr.evaluation.report import REPORT_FILE, ReportError
from agr.ui.dashboard.look import Opened, Reports, find_reports
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path):
    for name in ("good", "damaged", "newer"):
        shutil.copytree(ROOT / "eval_reports" / "mobilenet_v2", tmp_path / name)
    (tmp_path / "damaged" / "predictions.parquet").write_bytes(b"junk")
    summary = json.loads((tmp_path / "newer" / REPORT_FILE).read_text())
    (tmp_path / "newer" / REPORT_FILE).write_text(json.dumps(summary | {"schema_version": 99}))
    return tmp_path


def test_a_bad_report_says_so_and_the_others_work(folder):
    reports = Reports(find_reports(folder))
    assert list(reports.folders) == ["damaged", "good", "newer"]
    for _ in range(2):
        with pytest.raises(ReportError, match="tables") as caught:
            reports.open("damaged")
        assert str(folder) not in str(caught.value)
        with pytest.raises(ReportError, match="schema_version is 99"):
            reports.open("newer")
    assert reports.open("good") is reports.open("good")


def test_a_folder_that_is_a_report_itself(folder):
    assert find_reports(folder / "good") == {"good": folder / "good"}
    assert find_reports(folder / "nowhere") == {}


def test_no_report_says_what_to_do():
    with pytest.raises(ReportError, match="python -m train evaluate"):
        Reports({}).open("")
    with pytest.raises(ReportError, match="Choose another"):
        Reports({"a": ROOT}).open("../../etc")


def test_what_is_computed_is_remembered_and_the_oldest_forgotten(opened):
    mine = Opened("x", opened.report, opened.find)
    asked = []
    for key in [1, 1, *range(2, 100), 1]:
        assert mine.once(key, lambda key=key: asked.append(key) or key) == key
    assert asked.count(1) == 2
    assert asked.count(50) == 1


def test_the_filters_of_another_task_do_not_hide_faces(look_with):
    assert len(look_with(task="gender", predicted=["Asian"]).table) == 4744
    assert not look_with(task="gender").is_filtered
    assert look_with(least=0.5).is_filtered
    assert look_with(task="gender", predicted=["Male"]).is_filtered
    assert look_with(task="age_group", predicted=["0-2"]).is_filtered
    assert set(look_with(gender=["Female"], least=0.9, most=0.2).table["true_gender"]) == {"Female"}
    assert look_with(oldest=50).is_filtered
    assert look_with(youngest=40, oldest=30.0).table["true_age"].between(30, 40).all()


def test_the_report_of_the_model_in_use_comes_first(tmp_path):
    from agr.ui.page import reports_of

    found = list(reports_of(ROOT / "eval_reports"))
    assert found[0] == "mobilenet_v2"
    assert found[1:] == sorted(found[1:])
    (tmp_path / "model.safetensors").write_bytes(b"of no report")
    assert list(reports_of(ROOT / "eval_reports", model=tmp_path)) == sorted(found)
    for name, text in (("a_broken", "{"), ("b_odd", '{"model": 3}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / REPORT_FILE).write_text(text)
    assert list(reports_of(tmp_path)) == ["a_broken", "b_odd"]
