"""The bundled report, opened as the dashboard opens it."""

import gradio as gr
import pytest

from agr.evaluation.report import EvalReport
from agr.ui.dashboard import Dashboard
from agr.ui.dashboard.look import Opened, Reports, find_reports, look_at
from agr.ui.dashboard.state import Spot
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def opened(bundled_report) -> Opened:
    return Opened("mobilenet_v2", bundled_report, lambda file: None)


@pytest.fixture(scope="session")
def first() -> Opened:
    """Another bundled report, to compare."""
    return Opened("first", EvalReport.load(ROOT / "eval_reports" / "mobilenet_v2_stage1"), lambda file: None)


@pytest.fixture(scope="session")
def dashboard() -> Dashboard:
    """The tab, laid out and not served."""
    with gr.Blocks() as page:
        found = Dashboard(Reports(find_reports(ROOT / "eval_reports")))
        with gr.Tabs() as tabs, gr.Tab("Evaluation", id="evaluation") as tab:
            found.build(tab, tabs, page, None)
    return found


@pytest.fixture(scope="session")
def look_with(dashboard, opened):
    """look_with(spot, task="gender", ...) -> a look at the bundled report with these options."""

    def look(spot: Spot = Spot(), other: Opened | None = None, **chosen):
        return look_at(opened, spot, dashboard.initial | chosen, dashboard.initial, other)

    return look
