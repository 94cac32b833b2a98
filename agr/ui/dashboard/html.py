"""HTML that several views share: tables and their CSV, the pages of a gallery, the buttons below a figure."""

import html
import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from agr.evaluation.bootstrap import Estimate
from agr.evaluation.report import PROBABILITY_COLUMNS
from agr.evaluation.summary import LEAST_GROUP, Group

from ..cards import data_link

MOST_CSV_ROWS = 5000
FEW_ROWS = 3
"""Number of rows up to which a table is taken in at a glance, and cannot be sorted."""
FACES_NOTE = '<p class="agr-note">A name, or a click on a bar, opens its errors, the worst first.</p>'
"""Below a table whose rows have names that `Look.faces_link` made."""


def save_buttons(name: str) -> str:
    """Buttons that save the figure above them."""
    buttons = "".join(
        f'<button type="button" class="agr-small" data-format="{kind}" data-name="{name}" '
        f'aria-label="Save as {kind.upper()}: {name.replace("_", " ")}">'
        f"Save as {kind.upper()}</button>"
        for kind in ("png", "svg")
    )
    return f'<div class="agr-downloads">{buttons}</div>'


def act(action: str, value: Any) -> str:
    """The attribute that makes a button or checkbox send {"action", "value"}. As a file's name may contain anything,
    the value is escaped for JSON, and then for HTML."""
    return f'data-act="{html.escape(json.dumps({"action": action, "value": value}), quote=True)}"'


def csv_link(name: str, table: pd.DataFrame, title: str = "Download as CSV") -> str:
    """A link that saves a table as CSV, or the first rows of a very long one."""
    if len(table) > MOST_CSV_ROWS:
        table, title = table.head(MOST_CSV_ROWS), f"{title} (the first {MOST_CSV_ROWS} of {len(table)})"
    texts = {str(name): table[name].map(_as_text) for name in table.select_dtypes(exclude=["number", "bool"])}
    text = table.assign(**texts).rename(columns=_as_text).to_csv(index=False)
    return f'<div class="agr-downloads">{data_link(f"{name}.csv", title, text)}</div>'


def face_columns(task: str) -> list[str]:
    """Columns of the CSV of some faces: their labels, and what is predicted for a task."""
    labels = dict.fromkeys(("true_age", "true_gender", "true_race", f"true_{task}"))
    return ["file", *labels, f"pred_{task}", *PROBABILITY_COLUMNS[task]]


def _as_text(cell: Any) -> Any:
    """Quote text that a spreadsheet would take for a formula: names in a report may come from anyone."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def group_rows(groups: Sequence[Group], by: Sequence[str]) -> pd.DataFrame:
    """A table to save: one row per group, with its names under `by`, n, and each figure with its interval."""
    rows = []
    for group in groups:
        row: dict = dict(zip(by, group.names, strict=True)) | {"n": group.n}
        for name, estimate in group.figures.items():
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        rows.append(row)
    return pd.DataFrame(rows)


def table_html(head: Sequence[str], rows: Sequence[tuple[Sequence[str], str]], *, is_sortable: bool = True) -> str:
    """A table whose first column holds the rows' headers; one of more than `FEW_ROWS` can be sorted (sort.js), unless
    its rows are of different units. `rows`: cells as HTML, and the row's CSS class; one of the class "agr-first" stays
    first."""
    names = [html.escape(name) for name in head]
    if is_sortable and len(rows) > FEW_ROWS:
        names = [f'<button type="button" class="agr-sort" title="Sort">{name}</button>' for name in names]
    top = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        f'<tr class="{kind}"><th scope="row">{cells[0]}</th>{"".join(f"<td>{cell}</td>" for cell in cells[1:])}</tr>'
        for cells, kind in rows
    )
    return (
        f'<div class="agr-scroll" tabindex="0" role="region" aria-label="{html.escape(", ".join(head[:3]))}">'
        f'<table class="agr-table"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def estimate_html(estimate: Estimate, factor: float = 100, digits: int = 1, *, signed: bool = False) -> str:
    """A figure, with its interval below if it has one; a dash if there is no figure."""
    if math.isnan(estimate.value):
        return "–"
    value, low, high = (
        f"{round(number * factor, digits) + 0.0:{'+' * signed}.{digits}f}"  # + 0.0 turns -0.0 into 0.0
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return value if math.isnan(estimate.low) else f"{value}<small>{low} to {high}</small>"


def difference_html(estimate: Estimate, factor: float = 100, digits: int = 1, *, better: int = 0) -> str:
    """A difference with its sign and interval; bold if it is significant: its interval, from at least `LEAST_GROUP`
    faces, excludes zero. With `better` (1 if more is better, -1 if less is), it also says whether it is better or
    worse."""
    is_sure = estimate.n >= LEAST_GROUP and (estimate.low > 0 or estimate.high < 0)
    if not is_sure:
        return estimate_html(estimate, factor, digits, signed=True)
    nearest = min(abs(estimate.low), abs(estimate.high)) * factor
    text = estimate_html(estimate, factor, digits + (round(nearest, digits) == 0), signed=True)
    if not better:
        return f"<strong>{text}</strong>"
    said = "better" if estimate.value * better > 0 else "worse"
    return f'<strong>{text}</strong><small class="agr-{said}">{said}</small>'


def pager(count: int, page: int, size: int) -> str:
    """Buttons to the previous and the next page; nothing if there is only one page."""
    last = max(0, (count - 1) // size)
    if not last:
        return ""
    buttons = "".join(
        f'<button type="button" class="agr-small" data-key="{title}" {act("page", target)} '
        f"{'disabled' * (not 0 <= target <= last)}>"
        f"{title}</button>"
        for title, target in (("Previous", page - 1), ("Next", page + 1))
    )
    first = page * size + 1
    return (
        f'<nav class="agr-downloads" aria-label="Pages">{buttons}'
        f'<span role="status">{first} to {min(count, first + size - 1)} of {count}</span></nav>'
    )
