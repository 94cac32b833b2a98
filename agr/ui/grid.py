"""HTML that answers clicks and keys: the confusion grid and the gallery of faces. Knows no Gradio."""

import base64
import html
import io
import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from PIL import Image

from agr.evaluation.figures import normalized
from agr.images import ImageError, load_photo
from agr.labels import TASK_CLASSES

TILE_SIDE = 96
"""Pixels of a face in the gallery."""

# One listener on the component's root outlives every new value; a button answers the mouse, Enter and Space alike.
SELECT_ON_CLICK = """
element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-select]');
    if (button) trigger('select', JSON.parse(button.dataset.select));
});
"""


def confusion_grid(
    counts: np.ndarray, task: str, *, by: str, hide_diagonal: bool, chosen: tuple[int, int] | None
) -> str:
    """A table of buttons, one a cell; clicking one selects {"row", "column"}. Rows are true classes."""
    labels, shares = TASK_CLASSES[task], normalized(counts, "rows" if by == "counts" else by)
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    rows = []
    for i, label in enumerate(labels):
        cells = []
        for j, other in enumerate(labels):
            hidden = hide_diagonal and i == j
            text = "" if hidden else str(counts[i, j]) if by == "counts" else f"{100 * shares[i, j]:.0f} %"
            share = 0 if hidden else shares[i, j]
            pressed = "true" if chosen == (i, j) else "false"
            cells.append(
                f'<td><button type="button" data-select=\'{{"row":{i},"column":{j}}}\' aria-pressed="{pressed}" '
                f'style="--share:{share:.3f}" class="{"agr-strong" if share > 0.5 else ""}" '
                f'aria-label="true {label}, predicted {other}: {counts[i, j]} faces">{text}</button></td>'
            )
        rows.append(f'<tr><th scope="row">{label}</th>{"".join(cells)}</tr>')
    return (
        '<div class="agr-scroll"><table class="agr-grid"><caption>rows: true, columns: predicted</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def gallery(rows: pd.DataFrame, task: str, find: Callable[[str], bytes | None], *, ticked: Sequence[str] = ()) -> str:
    """Tiles of faces, each headed by its true and predicted class with their probabilities; a click selects {"file"}.

    `rows`: predictions of a report; `find`: a file's picture, or None where it cannot be had.
    """
    tiles = []
    for row in rows.to_dict("records"):
        given, said = row[f"true_{task}"], row[f"pred_{task}"]
        p_given, p_said = (row[f"prob_{task}_{label}"] for label in (given, said))
        mark = " agr-ticked" if row["file"] in ticked else ""
        # A file's name may hold anything: it goes through both escapings.
        select = html.escape(json.dumps({"file": row["file"]}), quote=True)
        tiles.append(
            f'<button type="button" class="agr-tile{mark}" data-select="{select}">{_picture(find(row["file"]))}'
            f"<span>true {given} ({p_given:.3f})</span><span>pred {said} ({p_said:.3f})</span>"
            f"<small>{html.escape(row['file'])}</small></button>"
        )
    return f'<div class="agr-gallery">{"".join(tiles)}</div>'


def _picture(content: bytes | None) -> str:
    if content is None:
        return '<span class="agr-placeholder" aria-hidden="true">no picture</span>'
    try:
        face = load_photo(content).rgb
    except ImageError:
        return '<span class="agr-placeholder" aria-hidden="true">unreadable</span>'
    face.thumbnail((TILE_SIDE, TILE_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    face.save(buffer, "JPEG", quality=80)
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
