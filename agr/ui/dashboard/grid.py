"""The confusion grid: a matrix of buttons."""

import numpy as np

from agr.evaluation.curves import normalized
from agr.labels import TASK_CLASSES, TASK_TITLES

from ..cards import count_of_faces, percent
from .html import act

_STRONG = 0.92
"""Shade, as a share of the darkest, above which white text is easier to read on a cell than black."""


def confusion_grid(
    counts: np.ndarray, task: str, *, by: str, hide_diagonal: bool, chosen: tuple[int, int] | None
) -> str:
    """A table of buttons, one per cell; a click sends the action "cell" with [row, column], or null for the chosen
    cell. `counts` is (k, k), its rows are the true classes. Tab enters and leaves the table, arrow keys move between
    cells."""
    labels, values = TASK_CLASSES[task], normalized(counts, by)
    shown = np.where(np.eye(len(counts), dtype=bool) & hide_diagonal, 0, values)
    shades = shown / max(shown.max(), 1e-9)
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    rows = []
    for i, label in enumerate(labels):
        cells = []
        for j, other in enumerate(labels):
            hidden = hide_diagonal and i == j
            is_there = counts[:, j].any() if by == "columns" else counts[i].any()
            share_text = percent(values[i, j]).replace("&nbsp;", " ") if is_there else "–"
            text = "" if hidden else f"{counts[i, j]:,}" if by == "counts" else share_text
            said = f", {share_text}" if by != "counts" and not hidden else ""
            is_chosen = chosen == (i, j)
            cells.append(
                f'<td><button type="button" {act("cell", None if is_chosen else [i, j])} data-key="{i},{j}" '
                f'tabindex="{0 if (i, j) == (chosen or (0, 0)) else -1}" aria-pressed="{str(is_chosen).lower()}" '
                f'style="--share:{shades[i, j]:.3f}" class="{"agr-strong" if shades[i, j] > _STRONG else ""}" '
                f'aria-label="true {label}, predicted {other}: {count_of_faces(int(counts[i, j]))}{said}">'
                f"{text}</button></td>"
            )
        rows.append(f'<tr><th scope="row">{label}</th>{"".join(cells)}</tr>')
    return (
        '<p class="agr-grid-note" id="grid-note">Rows: true, columns: predicted; faces not found are left out. '
        '<span class="agr-keys">Arrow keys, Home and End lead from cell to cell.</span></p>'
        '<div class="agr-scroll"><table class="agr-grid" role="grid" '
        f'aria-label="Confusion, {TASK_TITLES[task].lower()}" aria-describedby="grid-note">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
