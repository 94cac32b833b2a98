"""Builds the whole page, and serves it."""

import json
from collections.abc import Mapping
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from agr.analyzer import FaceAnalyzer
from agr.config import WEIGHTS_FILE, ModelError
from agr.evaluation.report import REPORT_FILE
from agr.pictures import PictureSource, content_hash
from agr.pretrained import BUNDLED, REPORT_FOLDER

from .cards import message
from .dashboard import Dashboard
from .dashboard.look import Reports, find_reports
from .dashboard.state import FIRST_TAB
from .gpu import satisfy_zero_gpu
from .guard import Guard, allow_connections, keep_no_statistics, keep_to_itself, restrain_gradio
from .live import live_tab
from .predict import predict_tab
from .scripts import script
from .theme import HEAD, STYLE, theme
from .video import video_tab

TITLE = "Age, gender and race from faces"
MAX_UPLOAD = "40mb"
MAX_WAITING = 64
"""Length of the queue; further visitors are told to come back, rather than left waiting for minutes."""
AT_ONCE = 2
"""Events of one kind that are processed at the same time: for each, the networks use every core."""
MAX_SESSIONS = 256
"""Visitors whose session is kept; with more, the oldest one is dropped. A visitor's own report may take 35 MB."""
_CACHE_SECONDS = 300
# Gradio's camera on the photo tab would stay on when another tab is opened; choosing another source turns it off.
OPEN_TAB = """
() => {
    const photo = document.getElementById('photo');
    if (photo?.querySelector('video') && !photo.checkVisibility())
        photo.querySelector('.source-selection button').click();
    window.agrAddress.open(%s);
}
"""


def build_page(
    analyzer: FaceAnalyzer | ModelError, reports: Mapping[str, Path], pictures: PictureSource | None = None
) -> gr.Blocks:
    """The page as Gradio blocks; `reports`: folders by name; `pictures` holds their faces, if the user has them.

    If the model cannot be loaded, `analyzer` is the error: the page shows it, and the reports.

    Uploads and results are deleted from disk within ten minutes.
    """
    satisfy_zero_gpu()
    keep_no_statistics()
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(_CACHE_SECONDS, _CACHE_SECONDS)) as page:
        gr.Markdown(f"# {TITLE}")
        with gr.Tabs() as tabs:
            with gr.Tab("Photo", id=FIRST_TAB):
                if isinstance(analyzer, ModelError):
                    gr.HTML(message(f"No photo can be analyzed: {analyzer}", is_error=True), elem_id="no-model")
                else:
                    predict_tab(analyzer)
            if not isinstance(analyzer, ModelError):
                with gr.Tab("Live", id="live"):
                    live_tab(analyzer)
                with gr.Tab("Video", id="video"):
                    video_tab(analyzer)
            with gr.Tab("Evaluation", id="evaluation") as evaluation:
                for tab in tabs.children:  # before the dashboard's listeners: Gradio runs them in this order
                    tab.select(None, js=OPEN_TAB % json.dumps(None if tab is evaluation else tab.id))
                shown = Reports(reports, pictures.find if pictures else None)
                with_model = None if isinstance(analyzer, ModelError) else analyzer
                Dashboard(shown).build(evaluation, tabs, page, with_model)
        for name in ("page.js", "dashboard/sort.js"):
            page.load(None, js=script(name))
    # api_open=False: calls that bypass the queue would all be processed at the same time.
    return page.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE, api_open=False)


def reports_of(folder: Path, *, model: Path | None = None, name: str | None = None) -> dict[str, Path]:
    """Folders of reports by name: the one beside a `model`, called `name`, and all directly below `folder`. The report
    of that model, or else of the bundled one, comes first."""
    beside = find_reports(model / REPORT_FOLDER) if model else {}
    found = {name or own: path for own, path in beside.items()} | find_reports(folder)
    weights = (model or BUNDLED) / WEIGHTS_FILE
    try:
        used = content_hash(weights.read_bytes())
    except OSError:  # reported where the model is opened
        used = None
    return dict(sorted(found.items(), key=lambda item: _weights_of(item[1]) != used))


def _weights_of(report: Path) -> str | None:
    """Hash of the weights that a report is about, if it names them. A damaged report is reported where it is opened."""
    try:
        return json.loads((report / REPORT_FILE).read_text(encoding="utf-8"))["model"].get("weights_hash")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def launch(page: gr.Blocks, **options) -> None:
    """Serve the page with its theme and its limits; `options` are passed to Gradio's `launch`."""
    restrain_gradio()
    allow_connections()
    keep_to_itself(options.get("server_name"))
    page.launch(
        app_kwargs={"middleware": [Middleware(Guard)]},
        theme=theme(),
        css_paths=STYLE,
        head=HEAD,
        max_file_size=MAX_UPLOAD,
        state_session_capacity=MAX_SESSIONS,
        run_history=False,
        enable_monitoring=False,
        footer_links=["api", "settings"],
        **options,
    )
