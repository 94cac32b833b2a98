"""The dashboard tab: one report, one selection, and every way of looking at it.

Every event (a filter, a view's tab, a click on a face) sends the whole state, and its answer updates only the open view
(`Dashboard.answer`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from agr.analyzer import FaceAnalyzer
from agr.evaluation.report import ReportError
from agr.labels import AGE_GROUPS, GENDERS, MAX_AGE, RACES, TASK_CLASSES, TASK_TITLES

from ..cards import message
from ..parts import fold_slot
from .events import BUSY, IDLE, QUIET, READ_ADDRESS, SHOW_FACES, SHOW_OWN, WRITE_ADDRESS
from .face import OPEN_DIALOG, PARTS, face_page
from .face_parts import parts_of
from .head import head
from .look import OWN, Opened, Reports, look_at
from .own import KEPT_SECONDS, connect_own, lay_out_own
from .state import FIRST_TAB, REPORT_CONTROLS, Spot, Ticked, address_of, names_lost_report, read_address, tab_of
from .view import View, text_slot
from .views import VIEWS

VIEW_NAMES = [view.name for view in VIEWS]
TASKS = [(TASK_TITLES[task], task) for task in TASK_CLASSES]
OF_TASK = "for Confusion, Mislabels, Groups, Abstain and the faces of Compare"
IN_CLASS = "in the predicted class"
FILTERS = ("gender", "race", "age_group", "youngest", "oldest", "predicted", "least", "most", "twins")
"""Controls in the accordion of filters, which is opened if the page's address sets any of them."""
UNSHOWN = (
    "This report holds something that cannot be displayed. Try another view, clear the filters, or choose another "
    "report."
)
LOST = "A report in this link is not here: that of your own pictures is kept for an hour, and for you alone."


class Dashboard:
    """The tab's components, and the handlers of their events."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports
        # None: nothing was answered yet, or the session has expired. Then the page's address says where the visitor is.
        self.spot, self.own = gr.State(None), gr.State(None, time_to_live=KEPT_SECONDS)
        self.told = gr.State("")
        """The page's address as of the last answer."""
        self.controls: dict[str, Any] = {}
        self.outputs: dict[str, list] = {}

    def build(self, opened: gr.Tab, tabs: gr.Tabs, page: gr.Blocks, analyzer: FaceAnalyzer | None) -> None:
        """Lay out the tab `opened`, one of the page's `tabs`, and connect it. Without an analyzer, visitors cannot
        evaluate their own faces."""
        self.tab, self.tabs, self.has_model = opened, tabs, analyzer is not None
        self.query = gr.Textbox(visible=False)
        self._lay_out_choice()
        with gr.Row(elem_id="folded"):  # side by side; what is unfolded takes the whole width
            self._lay_out_filters()
            own = lay_out_own(is_open=not self.reports.folders) if analyzer else None
        self.head = text_slot("head")
        self.views, view_tab, clickable = self._lay_out_views()
        # Choices that are added later (the visitor's own report, the classes of a task) are known to Gradio only until
        # the session expires; then it would refuse the value. Here it is checked where it is used.
        for name in (*REPORT_CONTROLS, "predicted"):
            self.controls[name].preprocess = _as_sent
        self.address = gr.HTML(html_template=" ", js_on_load=WRITE_ADDRESS)
        self.face = gr.HTML(elem_id="face", js_on_load=OPEN_DIALOG, apply_default_css=False)
        self.clickable = [*clickable, self.face]
        if analyzer and own:
            fold_slot(PARTS, partial(parts_of, analyzer, self.reports), [self.own])
            menus = [self.controls[name] for name in REPORT_CONTROLS]
            offered, is_new = connect_own(own, analyzer, self.reports, self.own, menus)
            shown = offered.then(self.open_own, [*self.inputs, is_new], self.shown, js=READ_ADDRESS, **QUIET)
            shown.then(None, js=SHOW_OWN)  # the figures are below the files, where nobody would see them

        def on(event: Callable, answer: Callable, outputs: list = self.shown, **options: Any) -> None:
            answered = event(answer, self.inputs, outputs, js=BUSY, **QUIET | options)
            for ended in (answered.then, answered.failure):  # Gradio 6.31 does not run `then` after a failure
                ended(None, js=IDLE)

        on(opened.select, self.answer)
        for name, tab in view_tab.items():
            on(tab.select, self._opener_of(name))
        filters = [control.input for name, control in self.controls.items() if name != "task"]
        on(partial(gr.on, filters), self.first_page)
        on(self.controls["task"].input, self.other_task, [*self.shown, self.controls["predicted"]])
        chosen = [self.controls[name] for name in FILTERS]
        cleared = self.clear.click(lambda: [control.value for control in chosen], None, chosen, **QUIET)
        on(cleared.then, self.first_page)
        on(partial(gr.on, [part.select for part in self.clickable]), self.act, trigger_mode="multiple")
        restored = [*self.shown, *self.controls.values(), tabs, self.views, self.filters]
        for event, restore in ((page.load, self.restore), (self.address.select, self.go_back)):
            answered = event(restore, [self.query, self.spot, self.own], restored, js=READ_ADDRESS, **QUIET)
            shown = answered.then(self.reconcile, [self.told, *self.inputs[1:]], self.shown, **QUIET)
            shown.then(None, js=SHOW_FACES)

    @property
    def initial(self) -> dict[str, Any]:
        """The first values of all controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def inputs(self) -> list:
        return [self.query, self.spot, self.own, *self.controls.values()]

    @property
    def shown(self) -> list:
        """Components that every answer may update."""
        views = [component for part in self.outputs.values() for component in part]
        return [self.spot, self.address, self.told, self.head, self.face, *views]

    def answer(self, query: str, spot: Spot | None, own: Opened | None, *values: Any) -> dict:
        """Values of the head, the face and the open view, by component, for the values of all controls. `query`: the
        page's address, which says where the visitor is if the session has expired."""
        return self._whole(self._spot(query, spot), own, values)

    def _spot(self, query: str, spot: Spot | None) -> Spot:
        if spot is not None:
            return spot
        read = read_address(query or "", self.controls, VIEW_NAMES)
        return read[0] if read else Spot()

    def _whole(self, spot: Spot, own: Opened | None, values: Sequence[Any]) -> dict:
        """Values of the head, the face and the open view."""
        return self._answer(spot, own, values, next(view for view in VIEWS if view.name == spot.view))

    def _answer(self, spot: Spot, own: Opened | None, values: Sequence[Any], view: View | None) -> dict:
        """Values of the head, the face and a view; without one, the open view stays as it is."""
        options = dict(zip(self.controls, values, strict=True))
        outputs = self.outputs[view.name] if view else []
        try:
            opened = self.reports.open(options["report"], own)
            other = self._other(options, own) if spot.view == "Compare" and options["other"] else None
            look = look_at(opened, spot, options, self.initial, other)
            said = {self.head: head(look), self.face: face_page(look, has_model=self.has_model)}
            shown = view.show(look) if view else []
        except Exception as error:  # a report may come from anyone, and contain anything
            if not isinstance(error, ReportError):
                logging.getLogger(__name__).exception("a view could not be shown")
            text = str(error) if isinstance(error, ReportError) else UNSHOWN
            said = {self.head: message(text, is_error=True), self.face: ""}
            shown = [None] * len(outputs)
        address = address_of(spot, self.initial, options)
        where = {self.spot: spot, self.address: address, self.told: address}
        return where | said | dict(zip(outputs, shown, strict=True))

    def _other(self, options: dict[str, Any], own: Opened | None) -> Opened | ReportError:
        """The report to compare with, or the error if it cannot be opened: the open report is still shown. In place of
        the open report itself, the first other one."""
        name = options["other"]
        if name == options["report"]:
            name = next((each for each in [*self.reports.folders, *_also(own)] if each != name), name)
        try:
            return self.reports.open(name, own)
        except ReportError as error:
            return error

    def first_page(self, query: str, spot: Spot | None, own: Opened | None, *values: Any) -> dict:
        """A filter was changed: the gallery has other faces now, and starts at its first page."""
        return self._whole(self._spot(query, spot).after("page", 0), own, values)

    def open_own(self, *sent: Any) -> dict:
        """Show the visitor's own report, if the evaluation that ended has made one: the last value says so."""
        *shown, is_new = sent
        return self.first_page(*shown) if is_new else {self.spot: gr.skip()}

    def other_task(self, query: str, spot: Spot | None, own: Opened | None, *values: Any) -> dict:
        """The task was changed: it has other classes, so the chosen cell and the predicted classes are reset."""
        options = dict(zip(self.controls, values, strict=True)) | {"predicted": []}
        before = self._spot(query, spot)
        answer = self._whole(Spot(view=before.view, ticked=before.ticked), own, [*options.values()])
        return answer | {self.controls["predicted"]: _classes(options)}

    def act(self, event: gr.EventData, query: str, spot: Spot | None, own: Opened | None, *values: Any) -> dict:
        """Something was clicked. No click changes a figure; opening or closing a face changes nothing of the view, and
        turning a gallery's page only what can be clicked."""
        sent = event._data or {}
        value = sent.get("value")
        if sent.get("action") == "tick" and isinstance(value, list):
            value = [values[list(self.controls).index("report")], *value]
        after = self._spot(query, spot).after(str(sent.get("action")), value)
        if sent.get("action") == "face":
            return self._answer(after, own, values, None)
        answer = self._whole(after, own, values)
        if sent.get("action") == "page":
            return {
                component: answer[component]
                for component in (self.spot, self.address, self.told, *self.clickable)
                if component in answer
            }
        return {component: value for component, value in answer.items() if not isinstance(component, gr.Plot)}

    def restore(self, query: str, spot: Spot | None, own: Opened | None) -> dict:
        """The page was opened: show what its address says."""
        return self._restored(query, own, None) or {self.tabs: gr.skip()}

    def go_back(self, query: str, spot: Spot | None, own: Opened | None) -> dict:
        """The browser went back or forward: show what that address says. Labels ticked since then stay ticked."""
        first: dict[Any, Any] = {self.tabs: gr.Tabs(selected=FIRST_TAB)}
        answer = self._restored(query, own, spot.ticked if spot else None) or first
        if self.address in answer:
            answer[self.address] += f"#{query}"
        return answer

    def reconcile(self, told: str, spot: Spot | None, own: Opened | None, *values: Any) -> dict:
        """After `restore` or `go_back`: if the visitor chose something while these were running, its answer may have
        come before or after they set the controls. Show what the controls say now."""
        options = dict(zip(self.controls, values, strict=True))
        if spot is None or address_of(spot, self.initial, options) == told:
            return {self.spot: gr.skip()}
        return self._whole(spot, own, values)

    def _restored(self, query: str, own: Opened | None, ticked: Ticked | None) -> dict | None:
        """What an address says, or None if it says nothing; `ticked`, if given, replaces the ticked labels in it."""
        also = _also(own)
        read = read_address(query, self.controls, VIEW_NAMES, also)
        named = tab_of(query, self.tabs)
        if read is None:
            return {self.tabs: gr.Tabs(selected=named)} if named else None
        spot, options = read
        spot = spot if ticked is None else replace(spot, ticked=ticked)
        if names_lost_report(query, self.controls, also):
            gr.Warning(f"{LOST} Another one is shown instead.", duration=None)
        chosen = {self.controls[name]: value for name, value in options.items()}
        chosen[self.controls["predicted"]] = _classes(options)
        is_filtered = any(options[name] != self.controls[name].value for name in FILTERS)
        return {
            **self._whole(spot, own, [*options.values()]),
            **chosen,
            self.tabs: gr.Tabs(selected=named or self.tab.id),
            self.views: gr.Tabs(selected=spot.view),
            self.filters: gr.Accordion(open=is_filtered),
        }

    def _opener_of(self, view: str) -> Callable[..., dict]:
        def open_view(query: str, spot: Spot | None, own: Opened | None, *values: Any) -> dict:
            # If the address opened this view, keep the whole spot that it names.
            before = self._spot(query, spot)
            there = before if before.view == view else Spot(view, before.cell, ticked=before.ticked)
            return self._whole(there, own, values)

        return open_view

    def _lay_out_choice(self) -> None:
        names = list(self.reports.folders)
        with gr.Row():
            report = gr.Dropdown(
                names, value=names[0] if names else None, label="Report", elem_id="report", min_width=240
            )
            task = gr.Radio(TASKS, value="race", label="Task", info=OF_TASK, min_width=300)
        self.controls |= {"report": report, "task": task}

    def _lay_out_filters(self) -> None:
        with gr.Accordion("Filter faces", open=False) as self.filters:
            with gr.Row():
                gender = gr.Dropdown(list(GENDERS), value=[], multiselect=True, label="True gender", min_width=150)
                race = gr.Dropdown(list(RACES), value=[], multiselect=True, label="True race", min_width=150)
                age_group = gr.Dropdown(
                    list(AGE_GROUPS), value=[], multiselect=True, label="True age group", min_width=150
                )
                predicted = gr.Dropdown(list(RACES), value=[], multiselect=True, label="Predicted class", min_width=150)
            with gr.Row():
                youngest = gr.Slider(0, MAX_AGE, 0, step=1, label="Youngest", info="true age, years", min_width=150)
                oldest = gr.Slider(0, MAX_AGE, MAX_AGE, step=1, label="Oldest", info="true age, years", min_width=150)
                least = gr.Slider(0, 1, 0, step=0.01, label="Confidence from", info=IN_CLASS, min_width=150)
                most = gr.Slider(0, 1, 1, step=0.01, label="Confidence to", info=IN_CLASS, min_width=150)
            with gr.Row():
                with gr.Column(min_width=240):  # without a column, a phone would shrink the checkbox to nothing
                    twins = gr.Checkbox(
                        True, label="with twins", info="pictures that are in the training or validation data too"
                    )
                self.clear = gr.Button("Clear filters", size="sm", elem_id="clear-filters", min_width=150)
        self.controls |= {"twins": twins, "gender": gender, "race": race, "age_group": age_group}
        self.controls |= {"youngest": youngest, "oldest": oldest, "predicted": predicted, "least": least, "most": most}

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


def _as_sent(value: Any) -> Any:
    return value


def _also(own: Opened | None) -> tuple[str, ...]:
    """Names of reports that only this visitor can choose."""
    return (OWN,) if own else ()


def _classes(options: dict[str, Any]) -> gr.Dropdown:
    """The dropdown of predicted classes, with the classes of the chosen task and those that are selected."""
    return gr.Dropdown(list(TASK_CLASSES[options["task"]]), value=options["predicted"], multiselect=True)
