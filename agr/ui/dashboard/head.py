"""The head of the tab: the model, the data, the date, and how many of the faces are selected."""

import html

from agr.evaluation.selection import ALL_AGES, Selection
from agr.labels import TASK_TITLES

from .look import NO_FACE, Look

_MAX = 120
NO_FACES = (
    "The report came without its pictures, as UTKFace's terms demand. Whoever runs this page can name a copy of their "
    "own (AGR_UTKFACE, see README). Evaluate your own labelled faces to see pictures."
)

OWN_NO_FACES = "The faces are not shown: a saved report holds no pictures. To see them, evaluate the pictures again."


def head(look: Look) -> str:
    """A short list of facts; those that the report does not contain are left out."""
    summary = look.report.summary
    model, data = summary["model"], summary["data"]
    found = int(look.table["detected"].sum())
    total = look.report.predictions
    facts = {
        "Model": _said(
            model.get("backbone"),
            _number(model.get("input_size"), "px"),
            _number(model.get("parameters"), "parameters"),
        ),
        "Data": _said(data.get("name"), data.get("subset") and f"{data['subset']} subset"),
        "Faces": _said(
            f"{len(total):,}",
            f"{int(total['detected'].sum()):,} detected",
            data.get("subset") and f"{int(total['has_twin'].sum()):,} with twins",
        ),
        "Evaluated": _said(str(summary["created"])[:10]),
    }
    selected = f"{len(look.table):,} of {len(total):,} faces, {found:,} detected."
    if not len(look.table):
        selected = f"none. {NO_FACE}"
    filters = filters_of(look.selection)
    selected += f" Filtered by {'; '.join(filters)}." if filters else ""
    cells = "".join(f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>" for name, text in facts.items() if text)
    why = OWN_NO_FACES if look.opened.is_own else NO_FACES
    note = "" if look.opened.has_faces else f'<p class="agr-note">{why}</p>'
    return f'<dl class="agr-head">{cells}</dl><p class="agr-note" role="status">Selected: {selected}</p>{note}'


def filters_of(selection: Selection) -> list[str]:
    """The active filters, such as "true gender Female"."""
    found = []
    for task, title in TASK_TITLES.items():
        if names := getattr(selection, f"true_{task}"):
            found.append(f"true {title.lower()} {', '.join(names)}")
    if selection.true_age != ALL_AGES:
        youngest, oldest = selection.true_age
        found.append(f"true age {youngest} to {oldest} years")
    title = TASK_TITLES[selection.task].lower()
    if selection.predicted:
        found.append(f"predicted {title} {', '.join(selection.predicted)}")
    if selection.confidence != (0.0, 1.0):
        low, high = selection.confidence
        found.append(f"confidence in {title} {low:.2f} to {high:.2f}")
    return found if selection.twins else [*found, "twins left out"]


def _said(*parts: object) -> str:
    return ", ".join(str(part)[:_MAX] for part in parts if part)


def _number(value: object, unit: str) -> str:
    return f"{value:,} {unit}" if isinstance(value, int) else ""
