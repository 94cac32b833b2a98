"""The dialog of a face: all that the report says about it, its twins, and checkboxes to mark its labels as
suspicious."""

import html
import json

from agr.evaluation.report import PROBABILITY_COLUMNS
from agr.labels import TASK_CLASSES, TASK_TITLES

from ..cards import bar
from ..parts import fold
from ..scripts import script
from .gallery import heading, picture, pictures_of
from .html import act
from .look import Look

PARTS = "face-parts"
"""Id of the component that fills the fold with the parts that count."""
FACE_SIDE = 200
"""Pixels; about the size of UTKFace's pictures."""

_FAR_OFF = 10
"""Years from which on a predicted age contradicts the label even if both are of one group: 54+ has no end."""
# One script: dialog.js uses names of act.js.
OPEN_DIALOG = script("dashboard/act.js") + script("dashboard/dialog.js")


def face_page(look: Look, *, has_model: bool = True) -> str:
    """A dialog with the open face; "" if none is open, or it is not in the report. `has_model`: whether the page could
    say which parts of the face count."""
    rows = look.opened.predictions
    rows = rows[rows["file"] == look.spot.face]
    if not len(rows):
        return ""
    row = rows.iloc[0].to_dict()
    file = row["file"]
    opener = html.escape(json.dumps({"action": "face", "value": file}), quote=True)
    parts = "".join(_task(row, task, look) for task in TASK_CLASSES)
    find = pictures_of(look.opened)
    face = picture(file, find, FACE_SIDE, alt="the face") if find else ""
    can_count = has_model and row["detected"] and face.startswith("<img")
    counting = fold(PARTS, json.dumps([look.opened.title, look.opened.id, file])) if can_count else ""
    named = html.escape(f"{file}: {', '.join(heading(row, look.task))}")
    return (
        f'<dialog class="agr-dialog" aria-label="{named}" data-opener="{opener}">'
        '<nav class="agr-downloads" aria-label="Faces"><button type="button" class="agr-small" data-step="-1">Previous'
        '</button><span data-place></span><button type="button" class="agr-small" data-step="1">Next</button>'
        '<button type="button" class="agr-small" data-close autofocus>Close</button></nav>'
        f"<header>{face}<div><h3>{html.escape(file)}</h3>"
        f"{_age(row)}{_twins(look, file)}</div></header>"
        f'<div class="agr-cards">{parts}</div>{counting}</dialog>'
    )


def _age(row: dict) -> str:
    labelled = f"labelled {row['true_age']:.0f} years" if row["true_age"] == row["true_age"] else "no age label"
    if not row["detected"]:
        return f"<p>{labelled}. The detector found no face in this picture: it counts as wrong.</p>"
    return (
        f"<p>{labelled}, predicted {row['pred_age']:.1f} ({row['age_low']:.0f} to {row['age_high']:.0f}, "
        "8 times in 10)</p>"
    )


def _twins(look: Look, file: str) -> str:
    known = look.report.summary["data"].get("twins_of")
    if known is None:  # the report was made without a search for twins
        return ""
    twins = known.get(file, []) if isinstance(known, dict) else []
    if not twins:
        return "<p>No identical copy was found among the pictures that were compared.</p>"
    lines = "".join(
        f"<li>{html.escape(str(twin.get('file')))}: {html.escape(_labels(twin))}</li>"
        for twin in twins
        if isinstance(twin, dict)
    )
    return f"<p>The very same picture is also:</p><ul>{lines}</ul>"


def _labels(twin: dict) -> str:
    known = [str(twin[key]) for key in ("age", "gender", "race") if twin.get(key) is not None]
    return ", ".join(known or ["no label"]) + (f" ({twin['subset']})" if twin.get("subset") else "")


def _task(row: dict, task: str, look: Look) -> str:
    true, pred = heading(row, task)
    bars = ""
    if row["detected"]:
        bars = "".join(
            bar(
                f"{label} (label)" if label == row[f"true_{task}"] else label,
                row[column],
                f"{100 * row[column]:.1f} %",
                is_top=label == row[f"pred_{task}"],
            )
            for label, column in zip(TASK_CLASSES[task], PROBABILITY_COLUMNS[task], strict=True)
        )
    given = row[f"true_{task}"]
    box = ""
    is_off = task == "age_group" and abs(row["pred_age"] - row["true_age"]) >= _FAR_OFF
    if row["detected"] and isinstance(given, str) and (given != row[f"pred_{task}"] or is_off):
        checked = "checked" * ((task, row["file"]) in look.ticked)
        tick = act("tick", [task, row["file"]])
        box = f'<label><input type="checkbox" {tick} {checked}> this label looks wrong</label>'
    return (
        f'<section class="agr-card"><h4>{TASK_TITLES[task]}: {true}, {pred}</h4><dl class="agr-bars">{bars}</dl>{box}'
        "</section>"
    )
