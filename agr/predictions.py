"""Evaluate labelled pictures in the way the app analyzes photos, and make an EvalReport; the page and `train evaluate`
both use this."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pandas as pd

from .annotations import Labels
from .evaluation.report import COLUMNS, SCHEMA_VERSION, EvalReport
from .evaluation.summary import figures, group_figures
from .images import ImageError
from .labels import TASK_CLASSES
from .table import PREDICTION_COLUMNS, prediction_row

if TYPE_CHECKING:
    from .analyzer import Face, FaceAnalyzer
    from .attributes import Prediction

REPORT_NAMES = {name: f"pred_{name}" if name in ("age", *TASK_CLASSES) else name for name in PREDICTION_COLUMNS}
"""Column names of a table of faces -> those of a report."""


def predict(
    analyzer: "FaceAnalyzer",
    pictures: Iterable[tuple[str, bytes]],
    labels: Mapping[str, Labels],
    *,
    twins: frozenset[str] = frozenset(),
) -> Iterator[tuple[dict, "list[Face] | ImageError"]]:
    """Yield for each (file, content) of `pictures`, in order, a row of `COLUMNS` and the analyzer's result.

    If a picture shows several faces, the largest counts. Reports leave out pictures that cannot be read (`ImageError`).
    `twins`: files whose picture is in the training data too.
    """
    for file, result in analyzer.analyze_named(pictures):
        face = None if isinstance(result, ImageError) or not result else result[0]
        yield report_row(file, labels[file], face, has_twin=file in twins), result


def table_of(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows of `COLUMNS` as a table, sorted by file."""
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values("file", ignore_index=True)
    return table.astype({"detected": bool, "has_twin": bool, "true_age": float})


def report_of(table: pd.DataFrame, *, name: str, model: dict, data: dict, history: pd.DataFrame | None) -> EvalReport:
    """The report over a table of predictions; `model` and `data` say what was evaluated on what."""
    summary = {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": model,
        "data": data
        | {
            "n": len(table),
            "detected": int(table["detected"].sum()),
            "twins": int(table["has_twin"].sum()),
            "undetected": table.loc[~table["detected"], "file"].tolist(),
        },
        "figures": {"all": figures(table), "without_twins": figures(table[~table["has_twin"]])},
        "groups": group_figures(table),
    }
    return EvalReport(summary, table, history)


def model_facts(analyzer: "FaceAnalyzer") -> dict:
    """A report's facts about the model: backbone, input size, number of parameters."""
    config = analyzer.config
    return {
        "backbone": config.backbone,
        "input_size": config.input_size,
        "parameters": analyzer.reader.parameters,
    }


def report_row(file: str, labels: Labels, said: "Prediction | None", *, has_twin: bool) -> dict:
    """A row of `COLUMNS`. `said`: the prediction for the face, None if no face was found."""
    row = {"file": file, "detected": said is not None, "has_twin": has_twin}
    row |= {f"true_{name}": label for name, label in labels.named().items()}
    if said is None:
        return row
    return row | {REPORT_NAMES[name]: value for name, value in prediction_row(vars(said)).items()}
