"""Time and memory that a report of a million labelled photos needs: python -m bench.million [ROWS]

The table repeats the bundled report's predictions under other names, so that the network has nothing to compute. The
steps: a table as `agr analyze` leaves it (a folder of parts) with a CSV of labels; its report; the report in Chromium,
on a page of its own; each view of the tab, with all faces and filtered, first and repeated. Memory is the process's
peak so far; in Chromium, that of the page's server.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from agr.collection.folder import CLAIM_FILE, FORMAT
from agr.collection.listing import write_whole
from agr.collection.report import report_of_collection
from agr.evaluation.report import EvalReport
from agr.table import schema
from agr.ui.dashboard import Dashboard
from agr.ui.dashboard.look import Opened, Reports, look_at
from agr.ui.dashboard.state import Spot
from agr.ui.dashboard.view import View
from agr.ui.dashboard.views import VIEWS

from .browser import chromium

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "eval_reports" / "mobilenet_v2"
URL = "http://127.0.0.1:7872"
ROWS, IN_PART = 1_000_000, 250


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    print("| what | seconds | of a core | greatest memory so far, MB |", "|---|---|---|---|", sep="\n")
    with TemporaryDirectory() as folder:
        faces, labels, saved = (Path(folder) / name for name in ("faces.parquet", "labels.csv", "report"))
        timed(f"a collection of {rows:,} photos, made", lambda: make(faces, labels, rows))
        report, _ = timed(
            "its report: joined with the labels, figures", lambda: report_of_collection(faces, labels, name="m")
        )
        timed("the report, saved", lambda: report.save(saved))
        del report
        in_chromium(saved)
        report = timed("the report, loaded", lambda: EvalReport.load(saved))
        opened = Opened("million", report, lambda file: None)
        views(opened, Opened("again", report, lambda file: None))


def in_chromium(report: Path) -> None:
    """Open the tab and each of its views once, and set a filter; seconds from the click until the answer is drawn."""
    print("| in Chromium | seconds | | the server's memory, MB |", "|---|---|---|---|", sep="\n")
    command = [sys.executable, "app.py", "--reports", str(report), "--port", URL.rsplit(":", 1)[1]]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as server, chromium() as browser:
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 1400})
            _open(page)
            _clicked("the tab, opened", lambda: page.get_by_role("tab", name="Evaluation").click(), page, server.pid)
            for view in VIEWS[1:]:
                tab = page.get_by_role("tab", name=view.name, exact=True)
                _clicked(view.name, tab.click, page, server.pid)
            page.get_by_role("tab", name="Figures", exact=True).click()
            _clicked("Figures, without twins", page.get_by_label("with twins").click, page, server.pid)
        finally:
            server.terminate()
    print()


def _open(page: Page) -> None:
    for _ in range(600):
        try:
            page.goto(URL)
            page.wait_for_selector("#photo input[type=file]", state="attached")
            return
        except PlaywrightError:  # the server is still starting
            time.sleep(0.1)
    sys.exit("The page did not start within a minute.")


def _clicked(what: str, click: Callable[[], None], page: Page, server: int) -> None:
    """Click, and print the time until the answer is drawn: every answer of the tab changes the page's address."""
    before, started = page.evaluate("location.search"), time.perf_counter()
    click()
    page.wait_for_function("before => location.search !== before", arg=before, timeout=600_000)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    took = time.perf_counter() - started
    resident = psutil.Process(server).memory_info().rss / 1e6
    print(f"| {what} | {took:.2f} | | {resident:.0f} |", flush=True)


def timed(what: str, do: Callable[[], Any]) -> Any:
    started, computed = time.perf_counter(), time.process_time()
    answer = do()
    took, computed = time.perf_counter() - started, time.process_time() - computed
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"| {what} | {took:.2f} | {computed:.2f} | {memory:.0f} |", flush=True)
    return answer


def make(faces: Path, labels: Path, rows: int) -> None:
    """Write a table as `agr analyze` does, and a CSV of its labels."""
    known = EvalReport.load(REPORT).predictions
    order = np.arange(rows) % len(known)
    table = known.iloc[order].reset_index(drop=True)
    table["file"] = [f"{i // len(known)}_{name}" for i, name in enumerate(table["file"])]
    table[["file", "true_age", "true_gender", "true_race"]].set_axis(["file", "age", "gender", "race"], axis=1).to_csv(
        labels, index=False
    )
    said = {"pred_age": "age", **{f"pred_{task}": task for task in ("age_group", "gender", "race")}}
    table = table.rename(columns=said).assign(face=table["detected"].map({True: 1.0, False: None}), error=None)
    for name in schema().names:
        if name not in table:
            table[name] = None
    faces.mkdir()
    for number, start in enumerate(range(0, rows, IN_PART)):
        part = pa.Table.from_pandas(table.iloc[start : start + IN_PART], schema(), preserve_index=False)
        pq.write_table(part, faces / f"part-{number:05d}.parquet", compression="zstd")
    write_whole(faces / CLAIM_FILE, pd.Series({
        "format": FORMAT, "photos": {"photos": rows, "digest": ""}, "inputs": [["photos", None]],
        "model": {"backbone": "mobilenet_v2", "input_size": 128, "parameters": 1},
    }).to_json().encode())  # fmt: skip


def views(opened: Opened, beside: Opened) -> None:
    with gr.Blocks() as page:
        dashboard = Dashboard(Reports({}))
        with gr.Tabs() as tabs, gr.Tab("Evaluation", id="evaluation") as tab:
            dashboard.build(tab, tabs, page, None)
    options = {name: control.value for name, control in dashboard.controls.items()}
    for filtered, chosen in (("all faces", options), ("filtered", options | {"least": 0.3})):
        for view in VIEWS:
            for kind in ("first", "again"):
                show = partial(_show, view, opened, chosen, beside)
                timed(f"{view.name}, {filtered}, {kind}", show)


def _show(view: View, opened: Opened, chosen: dict, beside: Opened) -> None:
    view.show(look_at(opened, Spot(view.name, (4, 0)), chosen, beside))


if __name__ == "__main__":
    main()
