"""A finished table of a labelled collection, of any size, into an EvalReport."""

from pathlib import Path

import pandas as pd

from .collection import claim_of, counts_of
from .evaluation.pictures import file_key
from .evaluation.report import PROBABILITY_COLUMNS, EvalReport, ReportError
from .labelled import Labels, labels_of, report_of
from .labels import GENDERS, RACES, TASK_CLASSES
from .uploads import read_labels

_SAID = {
    **{"age": "pred_age", "age_low": "age_low", "age_high": "age_high"},
    **{task: f"pred_{task}" for task in TASK_CLASSES},
    **{column: column for columns in PROBABILITY_COLUMNS.values() for column in columns},
}
"""Columns of the collection -> those of a report."""


def report_of_collection(faces: Path, labels: Path | None, *, name: str) -> tuple[EvalReport, dict[str, int]]:
    """The report over all labelled photos of a table that `analyze_collection` finished, and how many photos were left
    out for which reason.

    `labels`: a CSV as `read_labels` takes; by default names are labels, as UTKFace's. Photos are known by their names
    without folders; of several of a name the first counts, of several faces in a photo the largest. Raises
    CollectionError, UploadError or ReportError.
    """
    claim = claim_of(faces)
    missing = claim["photos"]["photos"] - counts_of(faces).photos
    if missing:
        raise ReportError(f"{faces} is not finished: {missing:,} photos are missing. Run the same analyze again first.")
    table = _first_faces(faces)
    table["file"] = table["file"].map(file_key)
    whole = len(table)
    table = table.drop_duplicates("file")
    known, wrong = _labels(table["file"], labels)
    labelled = table.merge(known, on="file")
    if not len(labelled):
        raise ReportError(
            f"No photo of {faces} has a label. Expected names as UTKFace's (age_gender_race_date, such as "
            "26_1_2_20170116.jpg), or --labels with a CSV whose column file has the photos' names."
        )
    left_out = {"a second photo of the same name": whole - len(table), "no label": len(table) - len(labelled)} | wrong
    model = {key: claim["model"][key] for key in ("backbone", "input_size", "parameters")}
    data = {"name": ", ".join(Path(path).name for path, _ in claim["inputs"])}
    labelled["has_twin"] = False  # what the model was trained on is not known here
    predictions = labelled.sort_values("file", ignore_index=True)
    report = report_of(predictions, name=name, model=model, data=data, history=None)
    return report, {reason: count for reason, count in left_out.items() if count}


def _first_faces(faces: Path) -> pd.DataFrame:
    """A row a photo: its largest face as a report's columns name it, or that none was found."""
    import pyarrow.dataset as ds

    face = ds.field("face")
    columns = {"file": ds.field("file"), "detected": face.is_valid()}
    columns |= {after: ds.field(before) for before, after in _SAID.items()}
    return ds.dataset(faces).to_table(columns=columns, filter=face.is_null() | (face == 1)).to_pandas()


def _labels(files: pd.Series, path: Path | None) -> tuple[pd.DataFrame, dict[str, int]]:
    """`file`, `true_age`, `true_gender`, `true_race` of what is labelled; and how many rows of the CSV are wrong, by
    the first one's reason."""
    wrong: list[tuple[str, str]] = []
    if path is None:
        found = {file: labels for file in files if (labels := labels_of(file))}
    else:
        found, wrong = read_labels(path.read_bytes())
    known = {file: labels for file, labels in found.items() if labels != Labels()}
    ages = [labels.age for labels in known.values()]
    genders, races = ([getattr(labels, kind) for labels in known.values()] for kind in ("gender", "race"))
    table = pd.DataFrame(
        {
            "file": list(known),
            "true_age": pd.array(ages, "float64"),
            "true_gender": [None if i is None else GENDERS[i] for i in genders],
            "true_race": [None if i is None else RACES[i] for i in races],
        }
    )
    return table, {f"rows of the CSV, such as {wrong[0][0]}: {wrong[0][1]}": len(wrong)} if wrong else {}
