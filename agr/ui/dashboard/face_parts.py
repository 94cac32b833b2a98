"""Which parts of a report's faces count, for the fold in a face's dialog."""

import html
import json
from collections.abc import Sequence

import numpy as np

from agr.analyzer import FaceAnalyzer
from agr.attributes import Prediction
from agr.evaluation.report import PROBABILITY_COLUMNS, ReportError
from agr.images import ImageError, load_photo
from agr.labels import TASK_CLASSES
from agr.pictures import DataError

from ..parts import parts_html, problem
from .look import Opened, Reports

MISSING = "There is no picture of this face here any more, or no face is found in it."
_ALIKE = 0.05
"""Largest difference of a probability between two answers that are taken for one model's: thumbnails are compressed."""


def parts_of(analyzer: FaceAnalyzer, reports: Reports, keys: Sequence[str], own: Opened | None) -> dict[str, str]:
    """What counts in each face, as HTML. A key is [report, file] as JSON; `own`: the visitor's own report."""
    return {key: _parts(analyzer, reports, key, own) for key in keys}


def _parts(analyzer: FaceAnalyzer, reports: Reports, key: str, own: Opened | None) -> str:
    try:
        name, file = json.loads(key)
        opened = reports.open(name, own)
        row = opened.predictions.set_index("file").loc[file]
        crop = _crop(analyzer, opened, opened.find(file))
    except (ValueError, TypeError, LookupError, OSError, RuntimeError, ReportError, DataError, ImageError):
        crop = None
    if crop is None:
        return problem(MISSING)
    found = analyzer.occlusion(crop)
    return _otherwise(found.prediction, row.to_dict()) + parts_html(crop, found)


def _crop(analyzer: FaceAnalyzer, opened: Opened, content: bytes | None) -> np.ndarray | None:
    if content is None:
        return None
    if opened.has_crops:
        side = analyzer.config.input_size  # of a larger network, they are kept smaller
        return np.asarray(load_photo(content).rgb.resize((side, side)))
    return next((face.crop for face in analyzer.analyze(content)), None)


def _otherwise(said: Prediction, row: dict) -> str:
    """A sentence if the page's model is not the report's."""
    probs = {task: getattr(said, f"{task}_probs") for task in TASK_CLASSES}
    differences = [
        abs(probs[task][label] - row[column])
        for task, columns in PROBABILITY_COLUMNS.items()
        for label, column in zip(TASK_CLASSES[task], columns, strict=True)
    ]
    if max(differences) <= _ALIKE:
        return ""
    return (
        f'<p class="agr-note">The report is about another model than this page\'s, which says: '
        f"{html.escape(said.summary())}.</p>"
    )
