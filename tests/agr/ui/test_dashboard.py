"""The dashboard in a real browser, on the bundled report, without the faces and (where there is a copy) with them."""

import csv

import pandas as pd
import pytest

from agr.evaluation.report import EvalReport
from agr.evaluation.selection import Selection, select
from agr.labels import RACES
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.browser]
WAIT = 60_000


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    return EvalReport.load(ROOT / "eval_reports" / "mobilenet_v2").predictions


def open_tab(page, view: str | None = None):
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#figures .agr-card", timeout=WAIT)
    if view:
        page.get_by_role("tab", name=view).click()
    return page


def choose(page, label: str, option: str) -> None:
    """Pick one option of a dropdown."""
    page.get_by_label(label).click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def test_figures_are_the_reports(visit):
    text = open_tab(visit()).inner_text("#figures")
    cell = EvalReport.load(ROOT / "eval_reports" / "mobilenet_v2").summary["figures"]["all"]["race_accuracy"]
    assert f"{100 * cell['value']:.1f}" in text
    assert f"{100 * cell['low']:.1f} to {100 * cell['high']:.1f}" in text
    assert "DenseNet ancestor: 82.1" in text


def test_a_cell_opens_its_faces_by_keyboard(visit, predictions):
    page = open_tab(visit(), "Confusion")
    cell = page.get_by_label("true Others, predicted White")
    cell.wait_for(timeout=WAIT)
    cell.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell-faces .agr-tile", timeout=WAIT)
    inside = predictions[(predictions["true_race"] == "Others") & (predictions["pred_race"] == "White")]
    assert f"true Others, predicted White: {len(inside)} faces" in page.inner_text("#cell-faces")
    top = inside.sort_values("prob_race_White", ascending=False, kind="stable").iloc[0]
    first = page.locator("#cell-faces .agr-tile").first.inner_text()
    assert f"true Others ({top['prob_race_Others']:.3f})" in first
    assert f"pred White ({top['prob_race_White']:.3f})" in first
    assert page.locator("#cell-faces .agr-placeholder").count() > 0  # no copy of UTKFace was named: placeholders


def test_filters_act_on_the_matrix(visit, predictions):
    page = open_tab(visit(), "Confusion")
    page.wait_for_selector("#grid button", timeout=WAIT)
    page.get_by_text("Filter faces").click()
    choose(page, "True gender", "Female")
    kept = select(predictions, Selection(true_gender=("Female",)))
    page.get_by_text(f"{len(kept)} of {len(predictions)} faces").wait_for(timeout=WAIT)
    page.get_by_label("counts", exact=True).check()
    count = int(((kept["true_race"] == "Asian") & (kept["pred_race"] == "Indian")).sum())
    page.get_by_label(f"true Asian, predicted Indian: {count} faces").get_by_text(str(count), exact=True).wait_for(
        timeout=WAIT
    )


def test_suspicious_labels_are_collected_into_a_list(visit, predictions, tmp_path):
    page = open_tab(visit(accept_downloads=True), "Mislabels")
    tiles = page.locator("#mislabels .agr-tile")
    tiles.first.wait_for(timeout=WAIT)
    files = [tiles.nth(i).locator("small").inner_text() for i in (0, 2)]
    for i in (0, 2):
        tiles.nth(i).click()
        page.locator("#mislabels .agr-ticked").nth(0 if i == 0 else 1).wait_for(timeout=WAIT)
    page.get_by_text("Suspicious labels chosen: 2").wait_for(timeout=WAIT)
    with page.expect_download() as download:
        page.get_by_text("Download the relabel list").click()
    download.value.save_as(tmp_path / "relabel.csv")
    rows = list(csv.DictReader((tmp_path / "relabel.csv").open()))
    assert sorted(row["file"] for row in rows) == sorted(files)
    by_file = predictions.set_index("file")
    for row in rows:
        assert row["given"] == by_file.loc[row["file"], "true_race"] != row["suggested"]
        assert row["suggested"] == by_file.loc[row["file"], "pred_race"]


def test_another_task_has_its_own_matrix(visit):
    page = open_tab(visit(), "Confusion")
    page.wait_for_selector("#grid button", timeout=WAIT)
    assert page.locator("#grid button").count() == len(RACES) ** 2
    page.get_by_label("Age group", exact=True).check()
    page.wait_for_function("document.querySelectorAll('#grid button').length === 64", timeout=WAIT)


@pytest.mark.parametrize("view", ["Age", "Calibration", "Groups", "Abstain", "Training"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_draws(visit, view, scheme):
    page = open_tab(visit(color_scheme=scheme), view)
    page.locator(".js-plotly-plot .main-svg:visible").first.wait_for(timeout=WAIT)


def test_on_a_phone_nothing_sticks_out(visit):
    page = open_tab(visit(viewport={"width": 360, "height": 740}), None)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
