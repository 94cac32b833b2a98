"""What the visitor looks at: a report, the faces that the filters keep, and everything that is chosen on the tab."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any, TypeVar

import pandas as pd

from agr.evaluation.report import REPORT_FILE, EvalReport, ReportError
from agr.evaluation.selection import Selection, select
from agr.evaluation.tables import Classified, classified, group_columns
from agr.labels import TASK_CLASSES, TASK_TITLES

from .state import Spot, address_of

Find = Callable[[str], bytes | None]
"""Returns a file's picture, or None if there is none."""
T = TypeVar("T")
_REMEMBERED, _REMEMBERED_ROWS = 64, 400_000
OWN = "your own"
"""Name of the report of a visitor's own pictures."""
LOST_OWN = "The report of your own pictures is gone: it is kept for an hour after it was made. Evaluate them again."
NO_FACE = "No face matches the filters. Press “Clear filters”."
NO_REPORT = "There are no reports yet. Write one with python -m train evaluate, or evaluate your own pictures above."


@dataclass(frozen=True, eq=False)
class Opened:
    """A report with its faces, and a cache of what was computed from it, such as bootstrap intervals. `is_own`: it is a
    visitor's own, and nothing of it may be cached outside their session. `has_crops`: its pictures are what the network
    saw, not the whole ones. `id`: tells it from others of the same title."""

    title: str
    report: EvalReport
    find: Find
    has_faces: bool = True
    is_own: bool = False
    has_crops: bool = False
    id: str = field(default_factory=lambda: token_hex(8))
    _memory: dict = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The report's predictions, with the column `true_age_group`."""
        table = self.report.predictions
        return table.assign(true_age_group=group_columns(table)["true_age_group"])

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """The result of `compute`, cached under `key`. The oldest results are dropped, the sooner the larger the report
        is. `compute` may run twice if two visitors ask at the same time."""
        with self._lock:
            if key in self._memory:
                return self._memory[key]
        answer = compute()
        with self._lock:
            most = max(8, min(_REMEMBERED, _REMEMBERED_ROWS // len(self.report.predictions)))
            while len(self._memory) >= most:
                self._memory.pop(next(iter(self._memory)))
            self._memory[key] = answer
        return answer


class Reports:
    """The reports that a page shows. Each is read when it is first opened; opening a damaged one raises every time."""

    def __init__(self, folders: Mapping[str, Path], find: Find | None = None) -> None:
        self.folders = dict(folders)
        self.has_faces = find is not None
        self.find = find or (lambda file: None)
        self._opened: dict[str, Opened | ReportError] = {}

    def open(self, name: str, own: Opened | None = None) -> Opened:
        """The report called `name`; `own`: the visitor's own one. Raises ReportError if it cannot be used."""
        if own is not None and name == own.title:
            return own
        if name == OWN:
            raise ReportError(LOST_OWN)
        if name not in self.folders:
            raise ReportError(NO_REPORT if not self.folders else "There is no such report. Choose another one.")
        if name not in self._opened:
            try:
                self._opened[name] = Opened(name, EvalReport.load(self.folders[name]), self.find, self.has_faces)
            except ReportError as error:
                self._opened[name] = ReportError(str(error).replace(str(self.folders[name]), name))
        found = self._opened[name]
        if isinstance(found, ReportError):
            raise ReportError(str(found))  # a new one: raising an exception again extends its traceback
        return found


def find_reports(folder: Path) -> dict[str, Path]:
    """Every report directly below a folder, by name; or the folder itself, if it is a report."""
    if (folder / REPORT_FILE).exists():
        return {folder.resolve().name: folder}
    return {file.parent.name: file.parent for file in sorted(folder.glob(f"*/{REPORT_FILE}"))}


@dataclass(frozen=True, eq=False)
class Look:
    """`table`: the selected predictions. `options`, `initial`: the values of all controls, by name, as they are and as
    they were first. `other`: the report to compare with, if one is chosen, or the error if it cannot be opened."""

    opened: Opened
    selection: Selection
    table: pd.DataFrame
    spot: Spot
    options: Mapping[str, Any]
    initial: Mapping[str, Any]
    other: Opened | ReportError | None = None

    @property
    def task(self) -> str:
        return self.selection.task

    @property
    def report(self) -> EvalReport:
        return self.opened.report

    @property
    def is_filtered(self) -> bool:
        """Whether any filter other than that of the twins is set."""
        return self.selection != Selection(task=self.task, twins=self.selection.twins)

    @property
    def part(self) -> Classified:
        """The selected faces that have a label for the task."""
        return self.once(("classified", self.task), lambda: classified(self.table, self.task))

    def nothing(self) -> str:
        """Why there is no face with a label for the task; "" if there is one."""
        if len(self.part):
            return ""
        title = TASK_TITLES[self.task].lower()
        if len(self.table):
            return f"None of these faces has a label of its {title}: choose another task, or other filters."
        return NO_FACE

    @property
    def ticked(self) -> tuple[tuple[str, str], ...]:
        """(task, file) of the labels of this report that are ticked."""
        return self.spot.ticked_in(self.opened.title)

    @property
    def of_ages(self) -> dict[str, Any]:
        """Options that lead to the largest age errors, unless a filter refers to the classes of the present task: by
        those of age groups, it would select other faces."""
        is_by_class = self.selection.predicted or self.selection.confidence != (0.0, 1.0)
        return {} if is_by_class else {"task": "age_group", "order": "years_off"}

    def faces_link(self, name: str, **chosen: Any) -> str:
        """`name`, as HTML, linked to the wrongly predicted faces, however sure, that the `chosen` values of controls
        select, with all others as they are."""
        address = address_of(Spot("Mislabels"), self.initial, {**self.options, "threshold": 0.0, **chosen})
        return f'<a href="{html.escape(address)}" title="Open its faces">{html.escape(name)}</a>'

    def once(self, what: Any, compute: Callable[[], T]) -> T:
        """The result of `compute` for these faces, cached. If it depends on the task, `what` contains it."""
        return self.opened.once((self.selection.faces, what), compute)


def look_at(
    opened: Opened,
    spot: Spot,
    options: Mapping[str, Any],
    initial: Mapping[str, Any],
    other: Opened | ReportError | None = None,
) -> Look:
    """Raises ValueError if the options do not make a selection."""
    task, least, most = options["task"], options["least"], options["most"]
    youngest, oldest = options["youngest"], options["oldest"]
    selection = Selection(
        task=task,
        true_gender=tuple(options["gender"] or ()),
        true_race=tuple(options["race"] or ()),
        true_age_group=tuple(options["age_group"] or ()),
        true_age=(int(min(youngest, oldest)), int(max(youngest, oldest))),
        # After a change of task, until it is answered, classes of the old task are still selected.
        predicted=tuple(name for name in TASK_CLASSES[task] if name in (options["predicted"] or ())),
        confidence=(min(least, most), max(least, most)),
        twins=bool(options["twins"]),
    )
    table = opened.once((selection.faces, "table"), lambda: select(opened.predictions, selection))
    return Look(opened, selection, table, spot, options, initial, other)
