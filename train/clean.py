"""Find wrong labels: train on some folds of the train part, predict the others, and see which labels are contradicted.

A model repeats the labels of faces that it was trained on; on other faces it may disagree with them. Source: Northcutt,
Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (2021).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from agr.annotations import Labels
from agr.attributes import Attributes
from agr.evaluation.mislabels import mislabels, relabel_list
from agr.evaluation.report import EvalReport
from agr.labels import TASK_CLASSES
from agr.pictures import DataError
from agr.predictions import report_of, report_row, table_of
from agr.reader import AttributeReader

from .config import FitConfig
from .files import claim_folder, content_hash_of, expect_nothing_else, write_atomically
from .fit import fit
from .prepare import load_prepared
from .provenance import expect_untrained
from .run_folder import RECORD_FILE
from .soft import save_soft
from .utkface import read_split, subset_files
from .validation import read_all

SOFT_FILE, RELABEL_FILE, REPORT_FOLDER = "soft_labels.parquet", "relabel.csv", "report"
CLAIM_FILE = "clean.json"
"""File with the settings from which the folds were drawn."""


@dataclass(frozen=True)
class Cleaned:
    """What `clean` found. `suspicious`: the relabel list; `report`: out-of-fold predictions for every training face."""

    suspicious: pd.DataFrame
    report: EvalReport


def clean(config: FitConfig, *, data: Path, split: Path, folds: int, threshold: float, output: Path) -> Cleaned:
    """Cross-validate over the train part. Writes into `output` soft labels for `fit --soft-labels`, a list of
    suspicious labels for `fit --relabel` (those contradicted with a probability of `threshold` or more), and a report
    for the dashboard, where such a list can be made by eye. The folds' models are finished (`train.finish`): the logits
    of their weakest classes are raised, so their predictions favour these a little.

    An interrupted call can be repeated and continues where it stopped. Raises DataError if data, split or an earlier
    run do not fit.
    """
    prepared, parts = load_prepared(data), read_split(split)
    files = subset_files(parts, "train", prepared.index.index)
    rows = prepared.index.loc[files]
    rows = rows[rows["detected"]]
    if folds > rows["content"].nunique():
        raise DataError(f"{folds} folds are more than the {rows['content'].nunique()} different training pictures.")
    if (init := Path(config.init)).is_file():
        expect_untrained(init.parent, rows.index)
    fold_of = folds_of(rows["content"], folds, config.seed)
    if not (output / CLAIM_FILE).exists():
        expect_nothing_else(output, lambda path: path.resolve() == split.resolve())
    output.mkdir(parents=True, exist_ok=True)
    claim_folder(output / CLAIM_FILE, {"folds": folds, "seed": config.seed, "split_hash": content_hash_of(split)})
    reads = []
    for fold in range(folds):
        tqdm.write(f"fold {fold + 1} of {folds}", file=sys.stderr)
        held_out = rows.index[fold_of == fold]
        model = _fold_model(config, data, parts, held_out, output / f"fold_{fold}")
        reads.append(read_all(AttributeReader.load(model), prepared.crops, rows.loc[held_out]))
    parts_of = [rows[fold_of == fold] for fold in range(folds)]
    tables = [predictions_of(read, part) for read, part in zip(reads, parts_of, strict=True)]
    save_soft(output / SOFT_FILE, pd.concat(parts_of).index, reads)
    return _found(pd.concat(tables).sort_values("file", ignore_index=True), threshold, output)


def folds_of(content: pd.Series, folds: int, seed: int) -> np.ndarray:
    """The fold of each picture, 0 to `folds` - 1. Byte-identical pictures (`content`: their hashes) share a fold:
    otherwise a model would predict pictures that it was trained on."""
    codes, unique = pd.factorize(content, sort=True)
    return (np.random.default_rng(seed).permutation(len(unique)) % folds)[codes]


def _fold_model(config: FitConfig, data: Path, parts: pd.Series, held_out: pd.Index, output: Path) -> Path:
    kept = parts.drop(held_out).rename_axis("file").reset_index(name="split")
    split = output.with_suffix(".csv")
    write_atomically(split, lambda path: kept.to_csv(path, index=False))
    return fit(config, data=data, split=split, output=output, resume=(output / RECORD_FILE).exists())


def _found(table: pd.DataFrame, threshold: float, output: Path) -> Cleaned:
    chosen: list[tuple[str, str]] = []
    for task in TASK_CLASSES:
        contradicted = mislabels(table, task)
        confident = contradicted[contradicted["wrong_confidence"] >= threshold]
        chosen += [(task, file) for file in confident["file"]]
    suspicious = relabel_list(table, chosen)
    write_atomically(output / RELABEL_FILE, lambda path: suspicious.to_csv(path, index=False))
    model = {"backbone": "cross-validated: each face by a model that was not trained on it"}
    data = {"name": "UTKFace", "subset": "train"}
    report = report_of(table, name=output.resolve().name, model=model, data=data, history=None)
    report.save(output / REPORT_FOLDER)
    return Cleaned(suspicious, report)


def predictions_of(read: Attributes, rows: pd.DataFrame) -> pd.DataFrame:
    """The predictions `read` as a report's table. `rows`: the faces predicted, in the form of `Prepared.index`."""
    known = (Labels(*map(int, each)) for each in rows[["age", "gender", "race"]].to_numpy())
    files = zip(rows.index, known, strict=True)
    return table_of(report_row(file, labels, read.of(i), has_twin=False) for i, (file, labels) in enumerate(files))
