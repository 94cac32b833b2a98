"""The dashboard tab: one report, one selection, and every way of looking at it.

Only what the open view shows is computed: each change goes through `_show`, which answers for that view alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from agr.evaluation import figures as f
from agr.evaluation.mislabels import ORDERS
from agr.evaluation.pictures import PictureSource
from agr.evaluation.report import EvalReport, ReportError
from agr.labels import AGE_GROUPS, GENDERS, RACES, TASK_CLASSES

from .cards import message
from .grid import SELECT_ON_CLICK
from .views import GROUP_FIGURES, look_at, sentence_of, views_of

TASKS = [(f.TASK_TITLES[task], task) for task in TASK_CLASSES]
NO_FACES = (
    "The faces are not shown: UTKFace's terms forbid that its pictures travel with a report. "
    "To see them, start the page with AGR_UTKFACE=path of your own copy (a folder, .zip or .tar.gz)."
)


def dashboard_tab(opened: gr.Tab, folder: Path, pictures: PictureSource | None) -> None:
    """Lay out the tab `opened` for the reports below `folder`; faces come from `pictures`, or are placeholders."""
    names = sorted(path.parent.name for path in folder.glob("*/report.json")) if folder.is_dir() else []
    if not names:
        gr.HTML(message(f"There is no report in {folder.name}/. Write one with: python -m train evaluate"))
        return
    loaded: dict[str, EvalReport | ReportError] = {}
    find = pictures.find if pictures else lambda key: None

    with gr.Row():
        report = gr.Dropdown(names, value=names[0], label="Report")
        task = gr.Radio(TASKS, value="race", label="Task")
        twins = gr.Checkbox(True, label="with twins", info="pictures that are in the training data too")
    with gr.Accordion("Filter faces", open=False), gr.Row():
        gender = gr.Dropdown(list(GENDERS), multiselect=True, label="True gender")
        race = gr.Dropdown(list(RACES), multiselect=True, label="True race")
        age_group = gr.Dropdown(list(AGE_GROUPS), multiselect=True, label="True age group")
        predicted = gr.Dropdown(list(RACES), multiselect=True, label="Predicted class")
        least = gr.Slider(0, 1, 0, step=0.01, label="Confidence from")
        most = gr.Slider(0, 1, 1, step=0.01, label="to")
    sentence = gr.HTML(elem_id="selection")
    if pictures is None:
        gr.Markdown(NO_FACES, elem_classes="agr-note")
    view, cell, ticked = gr.State("Figures"), gr.State(None), gr.State([])
    filters = [report, task, twins, gender, race, age_group, predicted, least, most]

    outputs: dict[str, list] = {}
    controls: list = []
    tabs: list[gr.Tab] = []
    with gr.Tabs(elem_id="views"):
        with gr.Tab("Figures") as tab:
            tabs.append(tab)
            outputs["Figures"] = [gr.HTML(elem_id="figures", apply_default_css=False)]
        with gr.Tab("Confusion") as tab:
            tabs.append(tab)
            with gr.Row():
                by = gr.Radio(["counts", "rows", "columns"], value="rows", label="Normalized by")
                hide = gr.Checkbox(False, label="hide the diagonal")
            with gr.Row():
                grid = gr.HTML(js_on_load=SELECT_ON_CLICK, elem_id="grid", min_height=200, apply_default_css=False)
                heatmap = gr.Plot(show_label=False)
            cell_faces = gr.HTML(elem_id="cell-faces")
            outputs["Confusion"] = [grid, heatmap, cell_faces]
        with gr.Tab("Mislabels") as tab:
            tabs.append(tab)
            with gr.Row():
                order = gr.Radio(
                    [o.replace("_", " ") for o in ORDERS], value="wrong confidence", label="Most suspicious by"
                )
                threshold = gr.Slider(0, 1, 0.9, step=0.01, label="Confident from (in the wrong class)")
            faces = gr.HTML(js_on_load=SELECT_ON_CLICK, elem_id="mislabels", min_height=200)
            export = gr.HTML(elem_id="export")
            outputs["Mislabels"] = [faces, export]
        with gr.Tab("Age") as tab:
            tabs.append(tab)
            with gr.Row():
                density, bands = gr.Plot(show_label=False), gr.Plot(show_label=False)
            score = gr.Plot(show_label=False)
            outputs["Age"] = [density, bands, score]
        with gr.Tab("Calibration") as tab:
            tabs.append(tab)
            outputs["Calibration"] = [gr.Plot(show_label=False)]
        with gr.Tab("Groups") as tab:
            tabs.append(tab)
            with gr.Row():
                group_by = gr.CheckboxGroup(["gender", "race", "age_group"], value=["race"], label="Group by")
                figure = gr.Radio(list(GROUP_FIGURES), value="Race accuracy", label="Figure")
            outputs["Groups"] = [gr.Plot(show_label=False), gr.HTML(elem_id="gap")]
        with gr.Tab("Abstain") as tab:
            tabs.append(tab)
            floor = gr.Slider(0, 1, 0.8, step=0.01, label="Answer from this confidence on")
            outputs["Abstain"] = [gr.HTML(elem_id="abstain"), gr.Plot(show_label=False)]
        with gr.Tab("Training") as tab:
            tabs.append(tab)
            with gr.Row():
                outputs["Training"] = [gr.Plot(show_label=False), gr.Plot(show_label=False)]

    named = {"by": by, "hide": hide, "cell": cell, "order": order, "threshold": threshold, "ticked": ticked}
    named |= {"group_by": group_by, "figure": figure, "floor": floor}
    controls = [by, hide, order, threshold, group_by, figure, floor]
    views = views_of(find)

    def show(view_name: str, *values) -> list:
        """The sentence, and what the open view shows; all else stays."""
        chosen, options = values[: len(filters)], dict(zip(named, values[len(filters) :], strict=True))
        stay = [gr.skip() for columns in outputs.values() for _ in columns]
        try:
            look = look_at(_load(loaded, folder, chosen[0]), chosen, options)
        except (ReportError, ValueError) as error:
            return [message(str(error), is_error=True), *stay]
        answers = views[view_name](look)
        filled: list = []
        for name, columns in outputs.items():
            filled += answers if name == view_name else [gr.skip()] * len(columns)
        return [message(sentence_of(look)), *filled]

    inputs = [view, *filters, *named.values()]
    shown = [sentence, *(column for columns in outputs.values() for column in columns)]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}

    def choose(name: str) -> Callable[[], str]:
        return lambda: name

    for tab in tabs:
        tab.select(choose(str(tab.label)), None, view, **quiet).then(show, inputs, shown, **quiet)
    # Another task has other classes; a cell of the old matrix means nothing in the new one.
    task.change(
        lambda name: (gr.Dropdown(list(TASK_CLASSES[name]), value=[]), None), task, [predicted, cell], **quiet
    ).then(show, inputs, shown, **quiet)
    for control in [report, twins, gender, race, age_group, predicted, least, most, *controls]:
        control.change(show, inputs, shown, **quiet)
    grid.select(_cell_of, None, cell, **quiet).then(show, inputs, shown, **quiet)
    faces.select(_toggled, ticked, ticked, **quiet).then(show, inputs, shown, **quiet)
    opened.select(show, inputs, shown, **quiet)


def _other_classes(task: str) -> tuple[gr.Dropdown, None]:
    return gr.Dropdown(list(TASK_CLASSES[task]), value=[]), None


def _cell_of(event: gr.EventData) -> tuple[int, int]:
    return int(event.row), int(event.column)


def _toggled(ticked: list[str], event: gr.EventData) -> list[str]:
    file = str(event.file)
    return [name for name in ticked if name != file] if file in ticked else [*ticked, file]


def _load(loaded: dict[str, EvalReport | ReportError], folder: Path, name: str) -> EvalReport:
    """The report of that name, read once; a damaged one says so each time, and the others still work."""
    if name not in loaded:
        try:
            loaded[name] = EvalReport.load(folder / name)
        except ReportError as error:
            loaded[name] = error
    found = loaded[name]
    if isinstance(found, ReportError):
        raise found
    return found
