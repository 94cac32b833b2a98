"""Which parts of a report's faces count, for the fold in a face's dialog."""

import html
import json
from collections.abc import Sequence

import numpy as np

from agr.analyzer import FaceAnalyzer
from agr.attributes import Prediction
from agr.evaluation.report import PROBABILITY_COLUMNS
from agr.images import load_photo
from agr.labels import TASK_CLASSES

from ..parts import parts_html, problem
from .look import Opened, Reports

MISSING = "There is no picture of this face here any more, or no face is found in it."
_ALIKE, _ALIKE_YEARS = 0.01, 0.2
"""Largest difference of a probability, and of an age, between two answers of one model for one picture."""


def parts_of(analyzer: FaceAnalyzer, reports: Reports, keys: Sequence[str], own: Opened | None) -> dict[str, str]:
    """What counts in each face, as HTML. A key is [title of the report, its id, file] as JSON; `own`: the visitor's own
    report."""
    return {key: _parts(analyzer, reports, key, own) for key in keys}


def _parts(analyzer: FaceAnalyzer, reports: Reports, key: str, own: Opened | None) -> str:
    try:
        title, wanted, file = json.loads(key)
        if not (isinstance(title, str) and isinstance(file, str)):
            return problem(MISSING)
        opened = reports.open(title, own)
        row = opened.predictions.set_index("file").loc[file]
        crop = _crop(analyzer, opened, opened.find(file)) if opened.id == wanted else None
    except (ValueError, TypeError, LookupError, OSError, RuntimeError):  # the last: a damaged archive
        crop = None
    if crop is None:
        return problem(MISSING)
    found = analyzer.occlusion(crop)
    otherwise = "" if opened.has_crops else _otherwise(found.prediction, row.to_dict())
    return otherwise + parts_html(crop, found)


def _crop(analyzer: FaceAnalyzer, opened: Opened, content: bytes | None) -> np.ndarray | None:
    if content is None:
        return None
    if opened.has_crops:
        side = analyzer.config.input_size  # of a larger network, they are kept smaller
        return np.asarray(load_photo(content).rgb.resize((side, side)))
    return next((face.crop for face in analyzer.analyze(content)), None)


def _otherwise(said: Prediction, row: dict) -> str:
    """A sentence if the page's model says something else than the report, which may be about another one."""
    probs = {task: getattr(said, f"{task}_probs") for task in TASK_CLASSES}
    differences = [
        abs(probs[task][label] - row[column])
        for task, columns in PROBABILITY_COLUMNS.items()
        for label, column in zip(TASK_CLASSES[task], columns, strict=True)
    ]
    if max(differences) <= _ALIKE and abs(said.age - row["pred_age"]) <= _ALIKE_YEARS:
        return ""
    return (
        '<p class="agr-note">These are the parts that count for this page\'s model, which says something else than the '
        f"report: {html.escape(said.summary())}.</p>"
    )
