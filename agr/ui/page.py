"""The whole page, and how it is served."""

from pathlib import Path

import gradio as gr

from agr.analyzer import FaceAnalyzer
from agr.evaluation.pictures import PictureSource

from .dashboard import dashboard_tab
from .predict import predict_tab
from .theme import STYLE, theme

TITLE = "Age, gender and race from faces"
REPORTS = Path(__file__).parents[2] / "eval_reports"
MAX_UPLOAD = "40mb"
MAX_WAITING = 64
"""Visitors in the queue; further ones are told to come back, rather than left waiting for minutes."""
AT_ONCE = 2
"""Events of one kind in work at the same time: torch itself uses every core for each."""
_CACHE_SECONDS = 300


def build_page(analyzer: FaceAnalyzer, pictures: PictureSource | None = None) -> gr.Blocks:
    """The page as Gradio blocks; `pictures` holds the faces of the reports, if the user has them.

    Uploads and results are deleted from disk after five minutes.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(_CACHE_SECONDS, _CACHE_SECONDS)) as page:
        gr.Markdown(f"# {TITLE}")
        with gr.Tab("Analyze a photo"):
            predict_tab(analyzer)
        with gr.Tab("Evaluation", elem_id="evaluation") as evaluation:
            dashboard_tab(evaluation, REPORTS, pictures)
    return page.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE)


def launch(page: gr.Blocks, **options) -> None:
    """Serve the page with its looks and its limits; `options` go to Gradio's `launch`."""
    page.launch(
        theme=theme(),
        css_paths=STYLE,
        max_file_size=MAX_UPLOAD,
        run_history=False,
        footer_links=["api", "settings"],
        **options,
    )
