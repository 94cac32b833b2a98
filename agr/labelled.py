"""Labelled pictures through the app's own path, into an EvalReport: what the page and `train evaluate` both do."""

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pandas as pd

from .evaluation.report import COLUMNS, SCHEMA_VERSION, EvalReport
from .evaluation.summary import figures, group_figures
from .images import ImageError
from .labels import GENDERS, MAX_AGE, RACES, TASK_CLASSES

if TYPE_CHECKING:
    from .analyzer import Face, FaceAnalyzer

# The separators after the time stamp are free: a few of the data set's own names have a blank or no dot before "jpg".
_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d+")


@dataclass(frozen=True)
class Labels:
    """What is known of a face: age in years, indices into `agr.labels.GENDERS` and `RACES`; None where nothing is."""

    age: int | None = None
    gender: int | None = None
    race: int | None = None


def labels_of(name: str) -> Labels | None:
    """Labels from a name such as `26_1_2_20170116174525125.jpg.chip.jpg`; None if it does not follow the pattern."""
    match = _NAME.match(name)
    if match is None or int(match["age"]) > MAX_AGE:
        return None
    return Labels(age=int(match["age"]), gender=int(match["gender"]), race=int(match["race"]))


def content_hash(data: bytes) -> str:
    """Equal for pictures that are equal byte by byte."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def predict(
    analyzer: "FaceAnalyzer",
    pictures: Iterable[tuple[str, bytes]],
    labels: Mapping[str, Labels],
    *,
    twins: frozenset[str] = frozenset(),
) -> Iterator[tuple[dict, "list[Face] | ImageError"]]:
    """For each (file, content) of `pictures`, in order: a row of `COLUMNS`, and what the analyzer answered.

    Of several faces in a picture the largest counts; a picture that cannot be read is one in which no face was found.
    `twins`: files whose picture is in the training data too.
    """
    files: deque[str] = deque()

    def contents() -> Iterator[bytes]:
        for file, content in pictures:
            files.append(file)
            yield content

    for result in analyzer.analyze_many(contents()):
        file = files.popleft()
        face = None if isinstance(result, ImageError) or not result else result[0]
        yield _row(file, labels[file], file in twins, face), result


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
    """What a report says of the model: backbone, input size, number of parameters."""
    config = analyzer.reader.config
    return {
        "backbone": config.backbone,
        "input_size": config.input_size,
        "parameters": analyzer.reader.parameters,
    }


def _row(file: str, labels: Labels, has_twin: bool, face: "Face | None") -> dict:
    row = {
        "file": file,
        "detected": face is not None,
        "has_twin": has_twin,
        "true_age": labels.age,
        "true_gender": None if labels.gender is None else GENDERS[labels.gender],
        "true_race": None if labels.race is None else RACES[labels.race],
    }
    if face is None:
        return row
    row |= {"pred_age": face.age, "age_low": face.age_interval[0], "age_high": face.age_interval[1]}
    row |= {f"pred_{task}": getattr(face, task) for task in TASK_CLASSES}
    return row | {
        f"prob_{task}_{label}": p for task in TASK_CLASSES for label, p in getattr(face, f"{task}_probs").items()
    }
