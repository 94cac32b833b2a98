"""The whole page, and how it is served."""

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
"""Visitors in the queue; further ones are told to come back, rather than left waiting for minutes."""
AT_ONCE = 2
"""Events of one kind in work at the same time: the networks use every core for each."""
MAX_SESSIONS = 256
"""Visitors whose state is kept; with more, the oldest one is dropped. A report of one's own may take 30 MB."""
_CACHE_SECONDS = 300
# Gradio's camera, on the photo's tab, would stay on behind the other tabs: choosing another source ends it.
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

    In place of an analyzer, why there is none: the page says so, and shows the reports.

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
                for tab in tabs.children:  # before the dashboard's listeners: Gradio runs one after the other
                    tab.select(None, js=OPEN_TAB % json.dumps(None if tab is evaluation else tab.id))
                shown = Reports(reports, pictures.find if pictures else None)
                with_model = None if isinstance(analyzer, ModelError) else analyzer
                Dashboard(shown).build(evaluation, tabs, page, with_model)
        page.load(None, js=script("page.js"))
    # Not open: calls past the queue would be worked on all at once.
    return page.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE, api_open=False)


def reports_of(folder: Path, *, model: Path | None = None, name: str | None = None) -> dict[str, Path]:
    """Folders of reports by name: the one that lies beside a `model`, called `name`, and all directly below `folder`;
    first the one of that model, or of the bundled one."""
    beside = find_reports(model / REPORT_FOLDER) if model else {}
    found = {name or own: path for own, path in beside.items()} | find_reports(folder)
    weights = (model or BUNDLED) / WEIGHTS_FILE
    try:
        used = content_hash(weights.read_bytes())
    except OSError:  # told of by whoever opens the model
        used = None
    return dict(sorted(found.items(), key=lambda item: _weights_of(item[1]) != used))


def _weights_of(report: Path) -> str | None:
    """Hash of the weights that a report is about, if it says so: a damaged one is told of where it is opened."""
    try:
        return json.loads((report / REPORT_FILE).read_text(encoding="utf-8"))["model"].get("weights_hash")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def launch(page: gr.Blocks, **options) -> None:
    """Serve the page with its looks and its limits; `options` go to Gradio's `launch`."""
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
