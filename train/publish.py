"""Check a trained model with its report and card, then send them to the Hugging Face Hub in one commit."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml
from huggingface_hub import HfApi, ModelCard

from agr.analyzer import FaceAnalyzer
from agr.annotations import Labels
from agr.config import CONFIG_FILE, WEIGHTS_FILE, read_config
from agr.evaluation.report import HISTORY_FILE, PREDICTIONS_FILE, PROBABILITY_COLUMNS, REPORT_FILE, EvalReport
from agr.pictures import DataError, PictureSource, file_key
from agr.predictions import predict, table_of
from agr.pretrained import REPORT_FOLDER
from agr.reader import AttributeReader

from .card import CONFUSION_PICTURES, confusion_picture, expect_of_test, expect_weights_of, model_card
from .files import files_in
from .hub import Hub, HubError, Published, check_name
from .prepare import source_of
from .private import check_private
from .record import read_run
from .run_folder import BEST_FOLDER, RECORD_FILE

SAMPLE = 48
"""Number of faces that are predicted again before anything is sent."""
TOLERANCE = 0.005
"""Largest difference of a probability allowed between machines; for ages, in years, it is a hundred times as much."""
CARD_FILE = "README.md"
OUR_BACKBONES = ("densenet121", "face_resnet", "mobile_facenet", "mobilenet_v2", "tf_efficientnet_lite2")
"""Backbones whose graphs come with the project."""
PUBLISHED = {
    *(CONFIG_FILE, WEIGHTS_FILE, HISTORY_FILE, CARD_FILE, *CONFUSION_PICTURES.values()),
    *(f"{REPORT_FOLDER}/{name}" for name in (REPORT_FILE, PREDICTIONS_FILE, HISTORY_FILE)),
}
"""Every file that a published model may have."""


def stage(model: Path, report: Path, folder: Path, *, repo_id: str) -> None:
    """Collect in `folder` what is to be published from a model's folder and a report's folder, and check it.

    Raises HubError for a name that is not allowed, DataError or ReportError if report and weights do not belong
    together or a file contains something that must not leave this machine.
    """
    check_name(repo_id)
    run = model.absolute().parent
    if model.absolute().name == BEST_FOLDER and (run / RECORD_FILE).is_file():
        raise DataError(f"{model} is as training left it, neither balanced nor calibrated. Publish {run}.")
    if (backbone := read_config(model / CONFIG_FILE).backbone) not in OUR_BACKBONES:
        raise DataError(
            f"The backbone {backbone} does not come with the project, so nobody else could load the model. Expected "
            f"one of {', '.join(OUR_BACKBONES)}."
        )
    found = EvalReport.load(report)
    expect_weights_of(found, model)
    expect_of_test(found)
    if not found.predictions["detected"].any():
        raise DataError("In none of the report's pictures a face was found: there is nothing to say of the model.")
    AttributeReader.load(model)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        shutil.copyfile(model / name, folder / name)
    if found.history is not None:  # read from the model's folder when it was evaluated
        found.history.to_csv(folder / HISTORY_FILE, index=False)
    found.save(folder / REPORT_FOLDER)  # written anew, so that only a report's own files are published
    for task, name in CONFUSION_PICTURES.items():
        confusion_picture(found, task, folder / name)
    try:
        card = model_card(found, repo_id=repo_id)
    except (KeyError, TypeError) as error:
        raise DataError(f"The report lacks what a model card says ({error}). Evaluate the model again.") from error
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    check_card(card)
    check_texts(folder)


def check_card(card: str) -> None:
    """Raises DataError if the Hub would not understand the card's metadata."""
    try:
        data = ModelCard(card).data
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise DataError(f"The model card's metadata is not valid: {error}") from error
    if not (data.get("license") and data.get("eval_results")):
        raise DataError("The model card names no licence or no results.")


def check_texts(folder: Path) -> None:
    """Raises DataError if a file is not one of `PUBLISHED`, or contains a token or a local path."""
    for name, file in files_in(folder).items():
        if name not in PUBLISHED:
            raise DataError(f"{name} is not published: expected nothing but {', '.join(sorted(PUBLISHED))}.")
        check_private(file, name)


def check_sample(model: Path, report: Path, pictures: Path) -> int:
    """Predict a sample of the report's faces again; returns how many.

    Raises DataError if the predictions differ: then the report was made with other weights, data or code.
    """
    source, found = PictureSource(source_of(pictures)), EvalReport.load(report).predictions
    members = {file_key(member) for member in source.members}
    present = found[found["file"].isin(members)]
    if len(present) < min(SAMPLE, len(found)):
        raise DataError(
            f"{pictures} has {len(present)} of the report's {len(found)} pictures. Name the data that it was made with "
            "as --data."
        )
    sample = present.iloc[np.linspace(0, len(present) - 1, min(SAMPLE, len(present))).astype(int)]
    contents = ((file, source.find(file) or b"") for file in sample["file"])
    labels = dict.fromkeys(sample["file"], Labels())
    again = table_of(row for row, _ in predict(FaceAnalyzer.from_pretrained(model), contents, labels))
    _compare(sample.sort_values("file", ignore_index=True), again)
    return len(sample)


def publish(
    folder: Path,
    repo_id: str,
    *,
    private: bool = False,
    tag: str | None = None,
    pr: bool = False,
    api: HfApi | None = None,
) -> Published:
    """Send what `stage` put into `folder` in one commit, and set the tag if one is given. If HubError is raised,
    nothing was sent, or everything but the tag."""
    hub = Hub(repo_id, must_own=not pr, api=api)
    _check_kind(hub)
    if tag:
        hub.check_tag(tag)
    done = hub.commit(folder, "Model, report and card", private=private, pr=pr, stale=PUBLISHED)
    if tag:
        hub.tag(tag, done.commit)
    return done


def _check_kind(hub: Hub) -> None:
    """Raises HubError if the repository holds something other than a model of this project."""
    there = hub.files() or set()
    if not there - {".gitattributes", CARD_FILE}:
        return
    is_ours = False
    if CONFIG_FILE in there:
        with hub.as_hub_errors(), TemporaryDirectory() as folder:
            config = Path(hub.api.hf_hub_download(hub.repo_id, CONFIG_FILE, local_dir=folder)).read_text(
                encoding="utf-8"
            )
            is_ours = '"interval_mass"' in config and '"temperatures"' in config
    if not is_ours:
        raise HubError(f"{hub.repo_id} holds something else than such a model. Choose another name.")


def data_of(model: Path) -> Path | None:
    """The pictures that a run was trained on; None if it does not record them or they are gone."""
    try:
        source = Path((read_run(model) or {})["data"]["source"])
    except (DataError, KeyError, TypeError):
        return None
    return source if source.exists() else None


def _compare(before: pd.DataFrame, after: pd.DataFrame) -> None:
    if before["detected"].tolist() != after["detected"].tolist():
        raise DataError("The weights find other faces than the report says: it was made with other data or code.")
    seen = before["detected"].to_numpy()
    columns = [column for part in PROBABILITY_COLUMNS.values() for column in part]
    gap = _gap(before, after, columns, seen)
    years = _gap(before, after, ["pred_age", "age_low", "age_high"], seen)
    if not (gap <= TOLERANCE and years <= 100 * TOLERANCE):
        raise DataError(
            f"The weights do not reproduce the report: probabilities differ by up to {gap:.3f}, ages and intervals by "
            f"up to {years:.2f} years. Evaluate the model again."
        )


def _gap(before: pd.DataFrame, after: pd.DataFrame, columns: list[str], seen: np.ndarray) -> float:
    one, other = (table.loc[seen, columns].to_numpy(float) for table in (before, after))
    return float(np.abs(one - other).max(initial=0))
