"""Faces as tiles, each with its label and prediction; a click opens the face."""

import html
from collections.abc import Callable, Collection

import pandas as pd
from PIL import Image

from agr.evaluation.mislabels import relabel_list
from agr.images import ImageError, load_photo
from agr.pictures import DataError

from ..cards import data_uri, jpeg
from .html import act, pager
from .look import Find, Look, Opened

PAGE_SIZE = 24
"""Faces on one page of a gallery."""
TILE_SIDE = 144
"""Pixels of a face in a gallery, along its longer side."""


def pictures_of(opened: Opened) -> Find | None:
    """What finds the pictures of a report; None if it has none at all."""
    return opened.find if opened.has_faces else None


def chosen(look: Look) -> str:
    """How many labels are ticked, for galleries with checkboxes elsewhere than beside the list. It takes a line even if
    it says nothing, so that the faces below do not move when the first label is ticked."""
    if not look.opened.has_faces:
        return ""
    count = len(relabel_list(look.opened.predictions, look.ticked))
    said = f"{count} {'label' if count == 1 else 'labels'} chosen; the list is in Mislabels." if count else ""
    return f'<p class="agr-note agr-kept" role="status">{said}</p>'


def gallery(
    rows: pd.DataFrame,
    task: str,
    find: Find | None,
    *,
    page: int = 0,
    ticked: Collection[tuple[str, str]] | None = None,
    note: Callable[[dict], str] | None = None,
) -> str:
    """One page of tiles, each headed by its true and predicted class with their probabilities.

    `rows`: predictions of a report, labelled and detected. A click sends the action "face". With `ticked`, (task, file)
    pairs, each tile has a checkbox that sends "tick". `note` makes an additional line from a row. Without `find`, tiles
    are text alone, and have no checkbox: nobody could judge a label.
    """
    page = min(page, max(0, (len(rows) - 1) // PAGE_SIZE))
    shown = rows.iloc[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    tiles = "".join(_tile(row, task, find, ticked, note(row) if note else "") for row in shown.to_dict("records"))
    first = f'data-first="{page * PAGE_SIZE + 1}" data-count="{len(rows)}"'
    return f'<div class="agr-gallery" {first}>{tiles}</div>{pager(len(rows), page, PAGE_SIZE)}'


def _tile(row: dict, task: str, find: Find | None, ticked: Collection[tuple[str, str]] | None, note: str) -> str:
    file, lines = row["file"], "".join(f"<span>{line}</span>" for line in heading(row, task))
    extra = f"<span>{html.escape(note)}</span>" if note else ""
    box, mark = "", ""
    if ticked is not None and find:
        is_ticked = (task, file) in ticked
        mark = " agr-ticked" if is_ticked else ""
        box = (
            f'<label><input type="checkbox" {act("tick", [task, file])} {"checked" * is_ticked} '
            f'aria-label="{html.escape(file)}: label looks wrong"> looks wrong</label>'
        )
    face, name = picture(file, find, TILE_SIDE) if find else "", html.escape(file)
    return (
        f'<div class="agr-tile{mark}"><button type="button" {act("face", file)}>{face}{lines}{extra}'
        f'<small title="{name}">{name}</small></button>{box}</div>'
    )


def heading(row: dict, task: str) -> tuple[str, str]:
    """Such as "true 14-20 (0.018)" and "pred 21-32 (0.977)"; less if the face has no label, or was not detected."""
    given, said = row[f"true_{task}"], row[f"pred_{task}"]
    true = f"true {given}" if isinstance(given, str) else "no label"
    if not row["detected"]:
        return true, "not found"
    if isinstance(given, str):
        true += f" ({row[f'prob_{task}_{given}']:.3f})"
    return true, f"pred {said} ({row[f'prob_{task}_{said}']:.3f})"


def picture(file: str, find: Find, side: int, *, alt: str = "") -> str:
    """A face of at most `side` pixels, or a placeholder; `alt`: for screen readers, if no text is beside it."""
    try:
        content = find(file)
    except (DataError, OSError, RuntimeError):  # a damaged archive, or a file that is gone
        content = b""
    if content is None:
        return _placeholder("no picture", alt)
    uri = _uri(content, side)
    if uri is None:
        return _placeholder("unreadable", alt)
    return f'<img alt="{alt}" src="{uri}" width="{side}" height="{side}">'


def _uri(content: bytes, side: int) -> str | None:
    try:
        face = load_photo(content).rgb
    except ImageError:
        return None
    if max(face.size) > side:
        face.thumbnail((side, side), Image.Resampling.BILINEAR)
    return data_uri("image/jpeg", jpeg(face))


def _placeholder(text: str, alt: str) -> str:
    hidden = "" if alt else ' aria-hidden="true"'
    return f'<span class="agr-placeholder"{hidden}>{text}</span>'
