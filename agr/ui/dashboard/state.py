"""Where the visitor is on the tab, and how the page's address encodes it, so that a view can be shared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import gradio as gr

from agr.annotations import LONGEST_PATH
from agr.labels import TASK_CLASSES

VIEW, PAGE, TAB = "show", "sheet", "tab"
"""Parameters of the address. `view` and `page` are taken: Gradio overwrites the one and fails on the other. `tab`: the
page's tab, if it is another than this one."""
FIRST_TAB = "analyze"
"""The page's tab that is open if the address names none."""
REPORT_CONTROLS = ("report", "other")
_MOST_TICKED = 2000
MOST_SENT = 50
"""Ticked labels that the address holds: with more, it would be too long for some browsers."""


Ticked = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Spot:
    """State that no control holds: the open `view`, the chosen `cell` of the matrix (true, predicted), the open `face`
    (its file), the `page` of the gallery, and the labels ticked as suspicious, as (report, task, file)."""

    view: str = "Figures"
    cell: tuple[int, int] | None = None
    face: str | None = None
    page: int = 0
    ticked: Ticked = ()

    def ticked_in(self, report: str) -> tuple[tuple[str, str], ...]:
        """(task, file) of the labels that are ticked in a report."""
        return tuple((task, file) for name, task, file in self.ticked if name == report)

    def after(self, action: str, value: Any) -> "Spot":
        """The spot after a click that sent {"action", "value"}. Anything unexpected changes nothing: a browser may send
        whatever it likes."""
        if action == "cell" and value is None:
            return replace(self, cell=None, page=0)
        if action == "cell" and isinstance(value, list) and len(value) == 2 and all(type(i) is int for i in value):
            return replace(self, cell=(value[0], value[1]), page=0)
        if action == "face" and (value is None or _is_file(value)):
            return replace(self, face=value)
        if action == "page" and type(value) is int:
            return replace(self, page=max(0, value))
        if action == "tick" and isinstance(value, list) and len(value) == 4 and all(map(_is_file, value[:3])):
            label = (value[0], value[1], value[2])
            rest = tuple(other for other in self.ticked if other != label)
            return replace(self, ticked=(*rest, label)[-_MOST_TICKED:] if value[3] is True else rest)
        if action == "untick" and isinstance(value, str):
            return replace(self, ticked=tuple(each for each in self.ticked if each[0] != value))
        return self


def _is_file(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_PATH


def address_of(spot: Spot, initial: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """A query string such as "?show=Confusion&task=gender", with everything that differs from the initial state.
    `initial`, `values`: of all controls, by name."""
    parts: dict[str, Any] = {VIEW: spot.view}
    if spot.cell is not None:
        parts["cell"] = f"{spot.cell[0]},{spot.cell[1]}"
    if spot.face is not None:
        parts["face"] = spot.face
    if spot.page:
        parts[PAGE] = str(spot.page)
    if ticked := spot.ticked_in(values["report"]):
        parts["tick"] = [f"{task}:{file}" for task, file in ticked[-MOST_SENT:]]
    for name, value in values.items():
        if (value or None) != (initial[name] or None):
            parts[name] = _text(value)
    return "?" + urlencode(parts, doseq=True)


def read_address(
    query: str, controls: Mapping[str, gr.components.Component], views: list[str], also: Sequence[str] = ()
) -> tuple[Spot, dict[str, Any]] | None:
    """The spot and the values of the controls from an address; None if it names no view. Invalid values are replaced by
    the initial ones: an address may come from an older version of the page, or from anyone. `also`: names of reports
    that only this visitor can choose."""
    sent = parse_qs(query.lstrip("?"), keep_blank_values=True)
    texts = {name: found[-1] for name, found in sent.items()}
    view = texts.get(VIEW, texts.get("view"))  # `view`: in older addresses
    if view not in views:
        return None
    spot = Spot(view=view)
    cell = [int(text) for text in texts.get("cell", "").split(",") if text.isdecimal() and len(text) < 3]
    spot = spot.after("cell", cell).after("face", texts.get("face"))
    page = texts.get(PAGE, "")
    if page.isdecimal() and len(page) < 6:
        spot = spot.after("page", int(page))
    read = {name: _read(component, texts.get(name)) for name, component in controls.items()}
    read |= {name: texts[name] for name in REPORT_CONTROLS if texts.get(name) in also}
    for text in sent.get("tick", [])[-MOST_SENT:]:
        spot = spot.after("tick", [read["report"], *text.split(":", 1), True])
    if "predicted" in read:  # its choices depend on the task
        classes = TASK_CLASSES[read["task"]]
        read["predicted"] = [name for name in texts.get("predicted", "").split(",") if name in classes]
    return spot, read


def tab_of(query: str, tabs: gr.Tabs) -> str | None:
    """The page's tab that an address names, if it exists."""
    named = parse_qs(query.lstrip("?")).get(TAB, [""])[-1]
    return named if named in {getattr(tab, "id", None) for tab in tabs.children} else None


def names_lost_report(query: str, controls: Mapping[str, Any], also: Sequence[str] = ()) -> bool:
    """Whether an address names a report, to look at or to compare with, that does not exist."""
    sent = parse_qs(query.lstrip("?"))
    known = {name: {value for _, value in controls[name].choices or []} | {*also} for name in REPORT_CONTROLS}
    return any(not {*sent.get(name, [])} <= values for name, values in known.items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:g}"  # a slider sends 1 where an address was read as 1.0
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _read(component: Any, text: str | None) -> Any:
    if text is None:
        return component.value
    if isinstance(component, gr.Checkbox):
        return text == "1"
    if isinstance(component, gr.Slider):
        try:
            number = float(text)
        except ValueError:
            return component.value
        return number if component.minimum <= number <= component.maximum else component.value
    choices = [value for _, value in component.choices]
    if isinstance(component, gr.CheckboxGroup) or getattr(component, "multiselect", False):
        return [part for part in text.split(",") if part in choices]
    return text if text in choices else component.value
