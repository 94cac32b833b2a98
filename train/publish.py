"""A trained model with its report and card, checked, then on the Hugging Face Hub in one commit."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml
from huggingface_hub import HfApi, ModelCard

from agr.analyzer import FaceAnalyzer
from agr.evaluation.pictures import PictureSource
from agr.evaluation.report import HISTORY_FILE, PREDICTIONS_FILE, PROBABILITY_COLUMNS, REPORT_FILE, EvalReport
from agr.labelled import Labels, predict, table_of
from agr.model import CONFIG_FILE, WEIGHTS_FILE
from agr.pretrained import REPORT_FOLDER

from .card import CONFUSION_PICTURES, belongs_to, confusion_picture, model_card
from .hub import Hub, HubError, Published, check_name
from .utkface import DataError, file_key

SAMPLE = 48
"""Faces that are predicted again before anything is sent."""
TOLERANCE = 0.005
"""By which a probability may differ on another machine; ages, in years, by a hundred times as much."""
CARD_FILE = "README.md"
_TEXTS = (".json", ".md", ".csv")
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}")
_LOCAL_PATH = re.compile(r"(?<![\w/])/(home|root|Users|tmp|work|mnt|media|data|var|opt)/[\w.-]+|\b[A-Z]:\\\\?[\w.-]+")


@dataclass(frozen=True)
class Plan:
    """What is to be sent: a folder with exactly the files of the repository, and its card."""

    folder: Path
    card: str

    @property
    def files(self) -> list[tuple[str, int]]:
        """(name, bytes) of every file."""
        found = sorted(file for file in self.folder.rglob("*") if file.is_file())
        return [(file.relative_to(self.folder).as_posix(), file.stat().st_size) for file in found]


def stage(model: Path, report: Path, folder: Path, *, repo_id: str) -> Plan:
    """Put what is to be published of a model's folder and a report's folder into `folder`, and check it.

    Raises HubError for a name that is not allowed, DataError or ReportError if report and weights do not belong
    together, or something is in the files that must not leave this machine.
    """
    check_name(repo_id)
    found = EvalReport.load(report)
    belongs_to(found, model)
    for name in (CONFIG_FILE, WEIGHTS_FILE, HISTORY_FILE):
        if (model / name).exists():
            shutil.copyfile(model / name, folder / name)
    (folder / REPORT_FOLDER).mkdir()
    for name in (REPORT_FILE, PREDICTIONS_FILE, HISTORY_FILE):
        if (report / name).exists():
            shutil.copyfile(report / name, folder / REPORT_FOLDER / name)
    for task, name in CONFUSION_PICTURES.items():
        confusion_picture(found, task, folder / name)
    card = model_card(found, repo_id=repo_id)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    check_card(card)
    check_texts(folder)
    return Plan(folder, card)


def check_card(card: str) -> None:
    """Raises DataError if the Hub would not understand the card's metadata."""
    try:
        data = ModelCard(card).data
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise DataError(f"The model card's metadata is not valid: {error}") from error
    if not (data.get("license") and data.get("eval_results")):
        raise DataError("The model card names no licence or no results.")


def check_texts(folder: Path) -> None:
    """Raises DataError if a file is of a kind that has no business there, or holds a token or a local path."""
    known = {CONFIG_FILE, WEIGHTS_FILE, HISTORY_FILE, CARD_FILE, *CONFUSION_PICTURES.values()}
    known |= {f"{REPORT_FOLDER}/{name}" for name in (REPORT_FILE, PREDICTIONS_FILE, HISTORY_FILE)}
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = file.relative_to(folder).as_posix()
        if name not in known:
            raise DataError(f"{name} is not published: expected nothing but {', '.join(sorted(known))}.")
        for text in _texts(file):
            if _TOKEN.search(text):
                raise DataError(f"{name} holds an access token. Take it out, and withdraw the token.")
            if path := _LOCAL_PATH.search(text):
                raise DataError(f"{name} holds a path of this machine ({path[0]}). Take it out.")


def check_sample(model: Path, report: Path, pictures: Path) -> int:
    """Predict a sample of the report's faces again; returns how many.

    Raises DataError if they come out otherwise: then the report is of other weights, data or code.
    """
    source, found = PictureSource(pictures), EvalReport.load(report).predictions
    members = {file_key(member) for member in source.members}
    present = found[found["file"].isin(members)]
    if not len(present):
        raise DataError(f"{pictures} has none of the report's pictures. Name the data that it was made with as --data.")
    sample = present.iloc[np.linspace(0, len(present) - 1, min(SAMPLE, len(present))).astype(int)]
    contents = ((file, source.find(file) or b"") for file in sample["file"])
    labels = dict.fromkeys(sample["file"], Labels())
    again = table_of(row for row, _ in predict(FaceAnalyzer.from_pretrained(model, device="cpu"), contents, labels))
    _compare(sample.sort_values("file", ignore_index=True), again)
    return len(sample)


def publish(
    plan: Plan,
    repo_id: str,
    *,
    private: bool = False,
    tag: str | None = None,
    pr: bool = False,
    api: HfApi | None = None,
) -> Published:
    """Send a plan: one commit, and one tag if it is named. Raises HubError, with nothing half-published."""
    hub = Hub(repo_id, for_pr=pr, api=api)
    there = hub.files() or set()
    if WEIGHTS_FILE not in there and there - {".gitattributes", CARD_FILE}:
        raise HubError(f"{repo_id} holds something else than such a model. Choose another name.")
    done = hub.commit(plan.folder, "Model, report and card", private=private, pr=pr)
    if tag and not pr:
        hub.tag(tag, done.commit)
    return done


def data_of(model: Path) -> Path | None:
    """The pictures that a run was trained on, if it says so and they are still there."""
    if not (model / "fit.json").exists():
        return None
    source = Path(json.loads((model / "fit.json").read_text())["data"]["source"])
    return source if source.exists() else None


def staging() -> TemporaryDirectory:
    """A folder for `stage`, gone when it is closed."""
    return TemporaryDirectory(prefix="agr-publish-")


def _texts(file: Path) -> Sequence[str]:
    if file.suffix in _TEXTS:
        return [file.read_text(encoding="utf-8")]
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        return [" ".join(table[column].dropna().astype(str)) for column in table.select_dtypes(exclude="number")]
    return []


def _compare(before: pd.DataFrame, after: pd.DataFrame) -> None:
    if before["detected"].tolist() != after["detected"].tolist():
        raise DataError("The weights find other faces than the report says: it was made with other data or code.")
    seen = before["detected"].to_numpy()
    columns = [column for part in PROBABILITY_COLUMNS.values() for column in part]
    gap = np.abs(before.loc[seen, columns].to_numpy(float) - after.loc[seen, columns].to_numpy(float)).max(initial=0)
    years = np.abs(before.loc[seen, "pred_age"].to_numpy(float) - after.loc[seen, "pred_age"].to_numpy(float))
    if gap > TOLERANCE or years.max(initial=0) > 100 * TOLERANCE:
        raise DataError(
            f"The weights do not reproduce the report: probabilities differ by up to {gap:.3f}, ages by up to "
            f"{years.max():.2f} years. Evaluate the model again."
        )
