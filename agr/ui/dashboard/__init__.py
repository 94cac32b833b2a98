"""The dashboard tab: one report, one selection, and every way of looking at it.

Every event, a filter, a view's tab or a click on a face, gives the whole state to `_Dashboard.answer`, which fills the
open view alone; all else stays as it is.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from agr.analyzer import FaceAnalyzer
from agr.config import ModelError
from agr.evaluation.figures import TASK_TITLES
from agr.evaluation.report import ReportError
from agr.labels import AGE_GROUPS, GENDERS, RACES, TASK_CLASSES

from ..cards import message
from ..uploads import all_sent
from .face import OPEN_DIALOG, face_page
from .head import head
from .look import Opened, Reports, look_at
from .own import GUIDE, KEPT_SECONDS, TITLE, evaluate_own
from .state import Spot, address_of, names_lost_report, read_address, tab_of
from .view import text_slot
from .views import VIEWS

TASKS = [(TASK_TITLES[task], task) for task in TASK_CLASSES]
# What starts with two underscores is Gradio's own, such as the theme. A Space's page shows the address of its frame.
WRITE_ADDRESS = """
const write = () => {
    const query = new URLSearchParams(props.value);
    for (const [name, text] of new URLSearchParams(location.search)) if (name.startsWith('__')) query.set(name, text);
    history.replaceState(null, '', '?' + query);
    if (window.parent !== window) window.parent.postMessage({queryString: '?' + query}, 'https://huggingface.co');
};
watch('value', write);
if (props.value?.startsWith('?')) write();  // the answer was faster than this
"""
READ_ADDRESS = "() => [window.location.search]"
# One at a time, or a click that overtakes another would undo what that one changed of the spot.
IN_TURN: dict[str, Any] = {"concurrency_id": "dashboard", "concurrency_limit": 1}
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
    **IN_TURN,
}


def dashboard_tab(
    opened: gr.Tab, tabs: gr.Tabs, page: gr.Blocks, reports: Reports, analyzer: FaceAnalyzer | ModelError
) -> None:
    """Lay out the tab `opened`, one of the page's `tabs`, and connect it. Without a model there is nothing to evaluate
    one's own faces with."""
    _Dashboard(reports).build(opened, tabs, page, analyzer)


FILTERS = ("gender", "race", "age_group", "predicted", "least", "most")
"""Controls that lie in an accordion, which is open if an address says anything of them."""
N_ALWAYS = 4
"""Of what is shown, spot, address, head and face come first and with every answer."""


class _Dashboard:
    """The tab's components, and what they answer."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports
        self.spot, self.own = gr.State(Spot()), gr.State(None, time_to_live=KEPT_SECONDS)
        self.controls: dict[str, Any] = {}
        self.outputs: dict[str, list] = {}

    def build(self, opened: gr.Tab, tabs: gr.Tabs, page: gr.Blocks, analyzer: FaceAnalyzer | ModelError) -> None:
        self._lay_out_filters()
        self.head = text_slot("head")
        view_tabs, view_tab, clickable = self._lay_out_views()
        self.address = gr.HTML(html_template=" ", js_on_load=WRITE_ADDRESS)
        self.face = gr.HTML(elem_id="face", js_on_load=OPEN_DIALOG, apply_default_css=False)
        clickable.append(self.face)
        if not isinstance(analyzer, ModelError):
            self._lay_out_own(analyzer)

        opened.select(self.answer, self.inputs, self.shown, **QUIET)
        for name, tab in view_tab.items():
            tab.select(self._opener_of(name), self.inputs, self.shown, **QUIET)
        for name, control in self.controls.items():
            if name != "task":
                control.input(self.first_page, self.inputs, self.shown, **QUIET)
        self.controls["task"].input(self.other_task, self.inputs, [*self.shown, self.controls["predicted"]], **QUIET)
        for component in clickable:
            component.select(self.act, self.inputs, self.shown, **QUIET | {"trigger_mode": "multiple"})
        query = gr.Textbox(visible=False)
        restored = [*self.shown, *self.controls.values(), tabs, view_tabs, self.filters]
        page.load(self.restore(opened, tabs), query, restored, js=READ_ADDRESS, **QUIET)

    @property
    def inputs(self) -> list:
        return [self.spot, self.own, *self.controls.values()]

    @property
    def shown(self) -> list:
        """What every answer may change."""
        return [self.spot, self.address, self.head, self.face, *(c for part in self.outputs.values() for c in part)]

    def answer(self, spot: Spot, own: Opened | None, *values: Any) -> list:
        """Head, face and what the open view shows, for the values of all controls."""
        options = dict(zip(self.controls, values, strict=True))
        empty = {view.name: [gr.skip()] * len(self.outputs[view.name]) for view in VIEWS}
        try:
            opened = self.reports.open(options["report"], own)
            is_compared = spot.view == "Compare" and options["other"]
            other = self.reports.open(options["other"], own) if is_compared else None
            look = look_at(opened, spot, options, other)
            said = [head(look), face_page(look)]
            shown = empty | {view.name: view.show(look) for view in VIEWS if view.name == spot.view}
        except Exception as error:  # a report may come from anyone, and hold what nobody thought of
            if not isinstance(error, ReportError):
                logging.exception("a view could not be shown")
            text = str(error) if isinstance(error, ReportError) else "This report holds something that cannot be shown."
            said = [message(text, is_error=True), ""]
            shown = empty | {spot.view: [None] * len(self.outputs[spot.view])}
        answers = [value for view in VIEWS for value in shown[view.name]]
        return [spot, address_of(spot, self.controls, options), *said, *answers]

    def first_page(self, spot: Spot, own: Opened | None, *values: Any) -> list:
        """A filter was changed: the gallery's page was of other faces."""
        return self.answer(spot.after("page", 0), own, *values)

    def other_task(self, spot: Spot, own: Opened | None, *values: Any) -> list:
        """Another task has other classes: a cell of the old matrix means nothing in the new one."""
        options = dict(zip(self.controls, values, strict=True)) | {"predicted": []}
        answer = self.answer(Spot(view=spot.view, ticked=spot.ticked), own, *options.values())
        return [*answer, gr.Dropdown(list(TASK_CLASSES[options["task"]]), value=[])]

    def act(self, event: gr.EventData, spot: Spot, own: Opened | None, *values: Any) -> list:
        """Something was clicked. That changes no figure, and opening or closing a face leaves the whole view as it
        is."""
        sent = event._data or {}
        after = spot.after(str(sent.get("action")), sent.get("value"))
        answer = self.answer(after, own, *values)
        stays = [
            place >= N_ALWAYS and (sent.get("action") == "face" or isinstance(component, gr.Plot))
            for place, component in enumerate(self.shown)
        ]
        return [gr.skip() if stay else value for stay, value in zip(stays, answer, strict=True)]

    def restore(self, opened: gr.Tab, tabs: gr.Tabs) -> Callable[[str], list]:
        """What the page is to show for the address that it was opened with."""

        def restored(query: str) -> list:
            read = read_address(query or "", self.controls, [view.name for view in VIEWS])
            named = tab_of(query or "", tabs)
            if read is None:
                tab = gr.Tabs(selected=named) if named else gr.skip()
                return [*[gr.skip()] * (len(self.shown) + len(self.controls)), tab, gr.skip(), gr.skip()]
            spot, values = read
            classes = list(TASK_CLASSES[values["task"]])
            chosen = [
                gr.Dropdown(classes, value=value) if name == "predicted" else value for name, value in values.items()
            ]
            answer = self.answer(spot, None, *values.values())
            if names_lost_report(query, self.controls["report"]):
                gone = "The report that this address names is not here any more: your own are forgotten with the page."
                gr.Warning(f"{gone} This is another one.", duration=None)
            filters = gr.Accordion(open=any(values[name] != self.controls[name].value for name in FILTERS))
            return [*answer, *chosen, gr.Tabs(selected=named or opened.id), gr.Tabs(selected=spot.view), filters]

        return restored

    def _opener_of(self, view: str) -> Callable[..., list]:
        def open_view(spot: Spot, own: Opened | None, *values: Any) -> list:
            # A tab that an address opened is where it should be already.
            there = spot if spot.view == view else Spot(view, spot.cell, ticked=spot.ticked)
            return self.answer(there, own, *values)

        return open_view

    def _lay_out_filters(self) -> None:
        names = list(self.reports.folders)
        with gr.Row():
            report = gr.Dropdown(
                names, value=names[0] if names else None, label="Report", elem_id="report", min_width=240
            )
            task = gr.Radio(TASKS, value="race", label="Task", min_width=300)
            with gr.Column(min_width=240):  # a checkbox alone is squeezed to nothing on a phone
                twins = gr.Checkbox(True, label="with twins", info="pictures that are in the training data too")
        with gr.Accordion("Filter faces", open=False) as self.filters:
            with gr.Row():
                gender = gr.Dropdown(list(GENDERS), value=[], multiselect=True, label="True gender", min_width=150)
                race = gr.Dropdown(list(RACES), value=[], multiselect=True, label="True race", min_width=150)
                age_group = gr.Dropdown(
                    list(AGE_GROUPS), value=[], multiselect=True, label="True age group", min_width=150
                )
                predicted = gr.Dropdown(list(RACES), value=[], multiselect=True, label="Predicted class", min_width=150)
            with gr.Row():
                least = gr.Slider(0, 1, 0, step=0.01, label="Confidence from", min_width=150)
                most = gr.Slider(0, 1, 1, step=0.01, label="to", min_width=150)
        self.controls |= {"report": report, "task": task, "twins": twins, "gender": gender, "race": race}
        self.controls |= {"age_group": age_group, "predicted": predicted, "least": least, "most": most}

    def _lay_out_views(self) -> tuple[gr.Tabs, dict[str, gr.Tab], list[gr.HTML]]:
        view_tab, clickable = {}, []
        with gr.Tabs(elem_id="views") as view_tabs:
            for view in VIEWS:
                with gr.Tab(view.name, id=view.name) as view_tab[view.name]:
                    parts = view.layout(list(self.reports.folders))
                self.outputs[view.name] = parts.outputs
                self.controls |= parts.controls
                clickable += parts.clickable
        return view_tabs, view_tab, clickable

    def _lay_out_own(self, analyzer: FaceAnalyzer) -> None:
        def evaluate(paths: list[str] | None, progress: gr.Progress = gr.Progress()) -> Iterator[tuple]:
            for own, said in evaluate_own(analyzer, self.reports, paths, progress):
                yield own or gr.skip(), said or gr.skip(), own is not None

        def offer(is_new: bool) -> tuple:
            """The visitor's report among the others, and open."""
            if not is_new:
                return gr.skip(), gr.skip()
            names = [*self.reports.folders, TITLE]
            return gr.Dropdown(names, value=TITLE), gr.Dropdown(names)

        is_new = gr.State(False)
        with gr.Accordion("Evaluate your own labelled faces", open=not self.reports.folders, elem_id="own"):
            gr.Markdown(GUIDE, elem_classes="agr-note")
            files = gr.File(file_count="multiple", label="Pictures, .zip, .csv or a report", height=160)
            files.preprocess = all_sent  # type: ignore[method-assign]
            with gr.Row():
                start, stop = gr.Button("Evaluate", variant="primary"), gr.Button("Stop")
            status = gr.HTML(elem_id="own-status", min_height=80, apply_default_css=False)
        run = start.click(
            evaluate, files, [self.own, status, is_new], show_progress_on=[status], api_visibility="private",
            concurrency_id="evaluate", concurrency_limit=1,
        )  # fmt: skip
        run.success(offer, is_new, [self.controls["report"], self.controls["other"]], **QUIET).then(
            self.first_page, self.inputs, self.shown, **QUIET
        )
        stop.click(None, cancels=[run])
