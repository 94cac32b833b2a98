"""A finished table of a labelled collection, of any size, into an EvalReport."""

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import pandas as pd

from ..annotations import LabelError, Labels, labels_of, read_labels
from ..evaluation.report import EvalReport, ReportError
from ..pictures import file_key
from ..predictions import REPORT_NAMES, report_of
from .folder import claim_of, counts_of, table_damage_named


@dataclass(frozen=True)
class LeftOut:
    """What a report is not about: photos, how many of which are in the table `twice`, without a label
    (`unlabelled`) or could not be read (`unreadable`); and rows of the labels' CSV, of which so many name several
    photos (`ambiguous`), these no photo (`absent`), and these are `wrong` for a reason: (file, reason)."""

    twice: int = 0
    unlabelled: int = 0
    unreadable: int = 0
    ambiguous: int = 0
    absent: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()

    def sentences(self) -> list[str]:
        """Such as "3 left out: no label"."""
        counts = {
            "a second photo of the same name": self.twice,
            "no label": self.unlabelled,
            "a photo that cannot be read": self.unreadable,
            "rows of the CSV that name several photos": self.ambiguous,
        }
        if self.absent:
            counts[f"rows of the CSV that name no photo, such as {self.absent[0]}"] = len(self.absent)
        if self.wrong:
            counts[f"rows of the CSV, such as {self.wrong[0][0]}: {self.wrong[0][1]}"] = len(self.wrong)
        return [f"{count:,} left out: {reason}" for reason, count in counts.items() if count]


def report_of_collection(
    faces: str | PathLike, labels: str | PathLike | None, *, name: str
) -> tuple[EvalReport, LeftOut]:
    """The report over all labelled photos of a table that `analyze_collection` finished, and what was left out.

    `labels`: a CSV as `read_labels` takes; by default names are labels, as UTKFace's. A row of it labels the one photo
    whose path ends with its name: with folders, where several photos have a name. The report calls these by their
    paths below the folder that they share, the others by their names. Of several faces in a photo the largest counts.
    Raises CollectionError, LabelError or ReportError.
    """
    faces, labels = Path(faces), Path(labels) if labels else None
    claim = claim_of(faces)
    missing = claim["photos"]["photos"] - counts_of(faces).photos
    if missing:
        raise ReportError(f"{faces} is not finished: {missing:,} photos are missing. Run the same analyze again first.")
    table = _first_faces(faces)
    table["place"] = table["file"].map(_place)
    whole = len(table)
    table = table.drop_duplicates("place")
    known, left_out = _labels(list(table["place"]), labels)
    name_of = table["place"].map(_name)
    several = name_of.duplicated(keep=False)
    table["file"] = name_of.where(~several, _below_their_folder(table["place"][several]))
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
    data = {"name": ", ".join(Path(path).name for path, _ in claim["inputs"])}
    # What the model was trained on is not known here.
    predictions = labelled.assign(has_twin=False).sort_values("file", ignore_index=True)
    report = report_of(predictions, name=name, model=model, data=data, history=None)
    return report, left_out


def _below_their_folder(places: pd.Series) -> pd.Series:
    """What lies above says nothing of the photos, but of the machine, and reports are made to be shown."""
    if not len(places):
        return places
    folder = posixpath.commonpath([posixpath.dirname(place) for place in places])
    return places.str.slice(len(folder) + 1 if folder else 0)


def _first_faces(faces: Path) -> pd.DataFrame:
    """A row a photo: its largest face as a report's columns name it, or that none was found, or that it is
    `unreadable`."""
    import pyarrow.dataset as ds

    face = ds.field("face")
    columns = {"file": ds.field("file"), "detected": face.is_valid(), "unreadable": ds.field("error").is_valid()}
    columns |= {after: ds.field(before) for before, after in REPORT_NAMES.items()}
    with table_damage_named(faces):
        return ds.dataset(faces).to_table(columns=columns, filter=face.is_null() | (face == 1)).to_pandas()


def _labels(places: list[str], path: Path | None) -> tuple[pd.DataFrame, LeftOut]:
    """`place`, `true_age`, `true_gender`, `true_race` of what is labelled; and which rows of the CSV are of no use."""
    left_out = LeftOut()
    if path is None:
        found = {place: labels for place in places if (labels := labels_of(_name(place)))}
    else:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LabelError(f"{path} cannot be read: {error.strerror}.") from error
        listed, bad = read_labels(content, key=_place)
        found, ambiguous, absent = _joined(places, listed)
        left_out = LeftOut(ambiguous=ambiguous, absent=tuple(absent), wrong=tuple(bad))
    known = {place: labels for place, labels in found.items() if labels != Labels()}
    table = pd.DataFrame([labels.named() for labels in known.values()], columns=["age", "gender", "race"])
    table = table.astype({"age": "float64", "gender": object, "race": object}).add_prefix("true_")
    return table.assign(place=pd.Series(list(known), dtype="str")), left_out


def _joined(places: list[str], listed: dict[str, Labels]) -> tuple[dict[str, Labels], int, list[str]]:
    """Labels by place; how many names were ambiguous; and the names that fit no place.

    A name fits the only place that ends with it; if none does, the longest place that the name itself ends with. If
    several longer names fit one place, only its exact name counts.
    """
    ending_with: dict[str, list[str]] = defaultdict(list)
    for place in places:
        for end in _ends(place):
            if end in listed:
                ending_with[end].append(place)
    there = set(places)
    found, ambiguous, absent = {}, 0, []
    beyond: dict[str, list[str]] = defaultdict(list)
    for name in sorted(listed, key=len):
        fits = ending_with.get(name, ())
        if len(fits) == 1:
            found[fits[0]] = listed[name]
        ambiguous += len(fits) > 1
        shorter = next((end for end in _ends(name) if end in there), None)
        if shorter and not fits:
            beyond[shorter].append(name)
        if not shorter and not fits:
            absent.append(name)
    for place, names in beyond.items():
        if place in listed:
            continue
        if len(names) == 1:
            found[place] = listed[names[0]]
        ambiguous += len(names) * (len(names) > 1)
    return found, ambiguous, absent


def _ends(place: str) -> Iterator[str]:
    """The path, and what is left of it without its first folder, without its first two, ..."""
    while place:
        yield place
        place = place.partition("/")[2]


def _place(path: str) -> str:
    """A path in one way of writing, as far as it says where it lies; its name as `file_key` has it."""
    path = unicodedata.normalize("NFC", path)  # macOS takes letters and accents apart
    parts = posixpath.normpath(path.replace("\\", "/")).split("/")
    folders = "".join(f"{part}/" for part in parts[:-1] if part not in ("", ".", ".."))
    return folders + file_key(parts[-1])


def _name(place: str) -> str:
    return place.rpartition("/")[2]
