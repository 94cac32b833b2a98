"""How fast the Evaluation tab answers, in Chromium and without a browser: python -m bench.dashboard

The baseline is Gradio's own round trip: a button that replaces a line of text, on an otherwise empty page. In Chromium,
every action is clicked and timed until the page has changed.
"""

import os
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import gradio as gr
import pandas as pd
from playwright.sync_api import Page

from agr.analyzer import FaceAnalyzer
from agr.evaluation.report import EvalReport
from agr.pictures import PictureSource
from agr.predictions import report_of
from agr.ui.dashboard import Dashboard
from agr.ui.dashboard.look import Opened, Reports, look_at
from agr.ui.dashboard.state import Spot
from agr.ui.dashboard.views import VIEWS
from agr.ui.page import build_page, reports_of

from .browser import chromium, served

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "eval_reports"
REPEATS = 7
MANY = 100_000
# Clicks an element, waits until what `target` selects has changed and been drawn, and returns the milliseconds.
CLICK = """([click, target]) => new Promise((resolve) => {
    const started = performance.now();
    const watched = document.querySelector(target);
    const observer = new MutationObserver(() => {
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - started)));
    });
    observer.observe(watched, {childList: true, subtree: true, characterData: true});
    document.querySelector(click).click();
})"""


def main() -> None:
    rows = [*_in_the_browser(), *_by_itself()]
    baseline = rows[0][1]
    lines = ["| what | ms | against the baseline |", "|---|---|---|"]
    lines += [f"| {name} | {ms:.0f} | {ms / baseline:.1f} |" for name, ms in rows]
    print("\n".join(lines))


def _in_the_browser() -> list[tuple[str, float]]:
    faces = os.environ.get("AGR_UTKFACE")
    page = build_page(
        FaceAnalyzer.from_pretrained(), reports_of(REPORTS), PictureSource(Path(faces)) if faces else None
    )
    shown = "real faces" if faces else "placeholders"
    with served(_empty_page()) as empty, served(page) as ours, chromium() as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 1400})
        tab.goto(empty)
        tab.wait_for_selector("#again")
        rows = [("baseline: a button of Gradio's that changes a line", _median(tab, "#again", "#line"))]
        started = time.perf_counter()
        tab.goto(ours)
        tab.wait_for_selector("#photo input[type=file]", state="attached")
        rows.append(("the page, opened", 1000 * (time.perf_counter() - started)))
        started = time.perf_counter()
        tab.get_by_role("tab", name="Evaluation").click()
        tab.wait_for_selector("#figures .agr-card")
        rows.append(("the tab, opened for the first time", 1000 * (time.perf_counter() - started)))
        tab.get_by_role("tab", name="Confusion").click()
        tab.wait_for_selector("#grid button")
        tab.wait_for_selector(".js-plotly-plot .main-svg")
        tab.wait_for_timeout(1000)
        cells = [f"#grid tbody tr:nth-child({row}) td:nth-of-type(1) button" for row in (2, 3, 4, 5, 1, 2, 3)]
        rows.append((f"a cell: its faces ({shown})", statistics.median(_each(tab, cells, "#cell-faces"))))
        tab.get_by_text("Filter faces").click()
        tab.wait_for_selector("label:has-text('twins') input")
        rows.append(("a filter: without twins, matrix anew", _median(tab, "label:has-text('twins') input", "#grid")))
        tab.get_by_role("tab", name="Mislabels").click()
        tab.wait_for_selector("#mislabels .agr-tile")
        tab.wait_for_timeout(1000)
        if tab.locator("#mislabels input").count():  # labels of faces that cannot be seen are not ticked
            rows.append(("a tick: gallery and list anew", _median(tab, "#mislabels input", "#mislabels")))
        rows.append(("a page of the gallery", _median(tab, "#mislabels nav button:not([disabled])", "#mislabels")))
    return rows


def _by_itself() -> list[tuple[str, float]]:
    """The answers alone, without browser and network: first and repeated calls, for the bundled report and a large
    one."""
    with gr.Blocks() as page:
        dashboard = Dashboard(Reports(reports_of(REPORTS)))
        with gr.Tabs() as tabs, gr.Tab("Evaluation", id="evaluation") as tab:
            dashboard.build(tab, tabs, page, None)
    options = {name: control.value for name, control in dashboard.controls.items()}
    small, other = (EvalReport.load(REPORTS / name) for name in ("mobilenet_v2", "mobilenet_v2_stage1"))
    rows = []
    for title, report in (("4,744 rows", small), (f"{MANY:,} rows", _large(small))):
        opened, beside = (Opened(name, r, lambda file: None) for name, r in (("one", report), ("other", other)))
        for view in VIEWS:
            for kind in ("first", "again"):
                started = time.perf_counter()
                view.show(look_at(opened, Spot(view.name, (4, 0)), options | {"least": 0.3}, beside))
                rows.append((f"{title}: {view.name}, filtered, {kind}", 1000 * (time.perf_counter() - started)))
    return rows


def _large(report: EvalReport) -> EvalReport:
    """A report of `MANY` rows: the predictions repeated under other names."""
    copies = MANY // len(report.predictions) + 1
    tables = [report.predictions.assign(file=lambda t, i=i: f"{i}_" + t["file"]) for i in range(copies)]
    table = pd.concat(tables, ignore_index=True).head(MANY)
    tracemalloc.start()
    large = report_of(table, name="large", model={}, data={}, history=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"The report of {MANY:,} rows took at most {peak / 1e6:.0f} MB beside its table.", file=sys.stderr)
    return large


def _median(tab: Page, click: str, target: str) -> float:
    return statistics.median(_each(tab, [click] * REPEATS, target))


def _each(tab: Page, clicks: list[str], target: str) -> list[float]:
    times = []
    for click in clicks:
        handle = tab.locator(click).first
        handle.evaluate(
            "(e) => { document.querySelectorAll('[data-clicked]').forEach((o) => delete o.dataset.clicked);"
            " e.dataset.clicked = ''; }"
        )
        times.append(tab.evaluate(CLICK, ["[data-clicked]", target]))
        tab.wait_for_timeout(400)
    return times


def _empty_page() -> gr.Blocks:
    with gr.Blocks() as page:
        line, count = gr.HTML("0", elem_id="line"), gr.State(0)
        gr.Button("again", elem_id="again").click(lambda n: (str(n + 1), n + 1), count, [line, count])
    return page


if __name__ == "__main__":
    main()
