"""Turn the finished table of a labelled collection, of any size, into an EvalReport."""

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path, PureWindowsPath

import pandas as pd

from ..annotations import LabelError, Labels, labels_of, read_labels
from ..content import printable
from ..errors import reason_of
from ..evaluation.report import EvalReport, ReportError
from ..places import labels_at, name_of, place_of, report_names
from ..predictions import REPORT_NAMES, report_of
from .folder import claim_of, counts_of, table_damage_named

_MOST_NAMED = 10
"""Problems of a CSV that are named one by one."""


@dataclass(frozen=True)
class LeftOut:
    """What a report leaves out. Numbers of photos: those that share their place with another one (`twice`), have no
    label (`unlabelled`) or could not be read (`unreadable`). Rows of the labels' CSV: the number of those that name
    several photos (`ambiguous`), and those that name no photo (`absent`). `wrong`: what of the CSV cannot be used, as
    (row or column, reason)."""

    twice: int = 0
    unlabelled: int = 0
    unreadable: int = 0
    ambiguous: int = 0
    absent: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()

    def sentences(self) -> list[str]:
        """One sentence for each reason, such as "3 left out: no label"."""
        counts = {
            "a second photo of the same name": self.twice,
            "no label": self.unlabelled,
            "a photo that cannot be read": self.unreadable,
            "rows of the CSV that name several photos": self.ambiguous,
        }
        if self.absent:
            counts[f"rows of the CSV that name no photo, such as {self.absent[0]}"] = len(self.absent)
        said = [f"{count:,} left out: {reason}" for reason, count in counts.items() if count]
        if self.wrong:
            shown = "; ".join(f"{where}: {why}" for where, why in self.wrong[:_MOST_NAMED])
            more = f"; and {len(self.wrong) - _MOST_NAMED:,} more" if len(self.wrong) > _MOST_NAMED else ""
            said.append(f"{len(self.wrong):,} wrong in the CSV. {shown}{more}")
        return said


def report_of_collection(
    faces: str | PathLike[str], labels: str | PathLike[str] | None, *, name: str
) -> tuple[EvalReport, LeftOut]:
    """The report over all labelled photos of a table that `analyze_collection` finished, and what was left out.

    `labels`: a CSV for `read_labels`; by default labels are taken from file names, as in UTKFace. A row of the CSV
    labels the one photo whose path ends with the row's name, which must include folders if several photos share a file
    name. The report names such photos by their paths below their common folder, and others by their file names. If a
    photo shows several faces, the largest counts. Raises CollectionError, LabelError or ReportError.
    """
    faces, labels = Path(faces), Path(labels) if labels else None
    claim = claim_of(faces)
    missing = claim["photos"]["photos"] - counts_of(faces).photos
    if missing:
        raise ReportError(f"{faces} is not finished: {missing:,} photos are missing. Run the same analyze again first.")
    table = _first_faces(faces)
    table["place"] = table["file"].map(place_of)
    whole = len(table)
    table = table.drop_duplicates("place")
    known, left_out = _labels(list(table["place"]), labels)
    table["file"] = report_names(table["place"])
    found = table.merge(known, on="place").drop(columns="place")
    labelled = found[~found["unreadable"]].drop(columns="unreadable")
    left_out = replace(left_out, unreadable=len(found) - len(labelled))
    if not len(labelled):
        why = "".join(f" {sentence}." for sentence in left_out.sentences())
        raise ReportError(
            f"No photo of {faces} has a label.{why} Expected names as UTKFace's (age_gender_race_date, such as "
            "26_1_2_20170116.jpg), or --labels with a CSV whose column file has the photos' names, with folders where "
            "several have the same."
        )
    left_out = replace(left_out, twice=whole - len(table), unlabelled=len(table) - len(found))
    model = {key: claim["model"][key] for key in ("backbone", "input_size", "parameters")}
    data = {"name": ", ".join(printable(PureWindowsPath(path).name) for path, _ in claim["inputs"])}
    # The model's training data is not known here, and so neither are twins in it.
    predictions = labelled.assign(has_twin=False).sort_values("file", ignore_index=True)
    report = report_of(predictions, name=printable(name), model=model, data=data, history=None)
    return report, left_out


def _first_faces(faces: Path) -> pd.DataFrame:
    """One row per photo, with a report's columns: its largest face, or that no face was `detected`, or that the photo
    is `unreadable`."""
    import pyarrow.dataset as ds

    face = ds.field("face")
    columns = {"file": ds.field("file"), "detected": face.is_valid(), "unreadable": ds.field("error").is_valid()}
    columns |= {after: ds.field(before) for before, after in REPORT_NAMES.items()}
    with table_damage_named(faces):
        return ds.dataset(faces).to_table(columns=columns, filter=face.is_null() | (face == 1)).to_pandas()


def _labels(places: list[str], path: Path | None) -> tuple[pd.DataFrame, LeftOut]:
    """A table of `place`, `true_age`, `true_gender`, `true_race` of the labelled photos, and the rows of the CSV that
    are of no use."""
    left_out = LeftOut()
    if path is None:
        found = {place: labels for place in places if (labels := labels_of(name_of(place)))}
    else:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LabelError(f"{path} cannot be read: {reason_of(error)}.") from error
        listed, bad = read_labels(content)
        found, ambiguous, absent = labels_at(places, listed)
        left_out = LeftOut(ambiguous=len(ambiguous), absent=tuple(absent), wrong=tuple(bad))
    known = {place: labels for place, labels in found.items() if labels != Labels()}
    table = pd.DataFrame([labels.named() for labels in known.values()], columns=["age", "gender", "race"])
    table = table.astype({"age": "float64", "gender": object, "race": object}).add_prefix("true_")
    return table.assign(place=pd.Series(list(known), dtype="str")), left_out
