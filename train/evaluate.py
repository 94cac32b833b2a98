"""Evaluate a model on one subset of the data, through the app's own path (detect, align, model), as an EvalReport."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pandas as pd
from tqdm import tqdm

from agr.analyzer import FaceAnalyzer
from agr.annotations import Labels, labels_of, twins_among
from agr.config import CODE_VERSION, WEIGHTS_FILE
from agr.evaluation.report import HISTORY_FILE, EvalReport, expect_no_report
from agr.images import ImageError
from agr.pictures import DataError, PictureSource, content_hash, file_key
from agr.predictions import model_facts, predict, report_of, table_of
from agr.pretrained import find_model

from .files import content_hash_of
from .prepare import source_of
from .provenance import expect_unseen, training_is_known
from .record import options_of
from .run_folder import run_of
from .stress import stress
from .utkface import SUBSETS, read_split, subset_files


def evaluate(
    model: str | Path,
    *,
    data: Path,
    split: Path,
    subset: str,
    output: Path,
    with_stress: bool = False,
    overwrite: bool = False,
) -> EvalReport:
    """Evaluate a model, given as a folder or by its name on the Hub, on the split's `subset`, and save the report to
    `output`.

    `data`: UTKFace as a folder or archive, or a folder that `prepare` made from it. The largest face of each picture
    counts; a picture without a detected face counts as wrong, and an unreadable one is left out. `with_stress`: also
    measure how the figures drop under `train.stress.CONDITIONS`. `overwrite`: replace an existing report. Raises
    DataError, ModelError or ReportError if something does not fit.
    """
    if subset not in SUBSETS:
        raise DataError(f"There is no subset {subset!r}. Expected {', '.join(SUBSETS)}.")
    expect_no_report(output, overwrite=overwrite)
    pictures = PictureSource(source_of(data))
    parts = read_split(split)
    keys = (file_key(member) for member in pictures.members)
    labels = {key: found for key in keys if (found := labels_of(key))}
    files = set(subset_files(parts, subset, pd.Index(labels)))
    named, model = model, find_model(model)
    expect_unseen(model, pd.Index(sorted(files)), subset)
    if not training_is_known(model):
        tqdm.write(
            f"Its folder does not say which pictures {named}, or a model that it learnt from, was trained on: if some "
            f"of these {len(files)} are among them, the figures are too good.",
            file=sys.stderr,
        )
    facts, history = _facts_of(model), _history_of(model)
    analyzer = FaceAnalyzer.from_pretrained(model)
    output.mkdir(parents=True, exist_ok=True)  # fails before the work, not after it
    twins = _twins(pictures, parts, files, labels)
    elsewhere = frozenset(file for file, others in twins.items() if any(other["subset"] != subset for other in others))

    table = _predicted(analyzer, pictures, files, labels, elsewhere)
    report = report_of(
        table,
        name=output.resolve().name,
        model=model_facts(analyzer) | facts,
        data={"name": "UTKFace", "subset": subset, "split_hash": content_hash_of(split), "twins_of": twins},
        history=history,
    )
    if with_stress:
        report.save(output)  # kept if the stress test, which takes thirteen times as long, is interrupted
        report = replace(report, summary=report.summary | {"stress": stress(analyzer, pictures, table, labels)})
    report.save(output)
    return report


def _predicted(
    analyzer: FaceAnalyzer, pictures: PictureSource, files: set[str], labels: dict[str, Labels], twins: frozenset[str]
) -> pd.DataFrame:
    """The report's table; unreadable pictures are named on stderr and left out."""

    def chosen() -> Iterator[tuple[str, bytes]]:
        for member, content in pictures.read():
            if file_key(member) in files:
                yield file_key(member), content

    answers = predict(analyzer, chosen(), labels, twins=twins)
    rows = []
    for row, answer in tqdm(answers, total=len(files), unit="picture", desc="evaluate", smoothing=0.05):
        if isinstance(answer, ImageError):
            tqdm.write(f"{row['file']} is left out. {answer}", file=sys.stderr)
        else:
            rows.append(row)
    if not rows:
        raise DataError(f"None of the {len(files)} pictures can be read.")
    return table_of(rows)


def _facts_of(model: Path) -> dict:
    """What the report says about a model in addition to `model_facts`."""
    options = options_of(model)
    return {
        "weights_hash": content_hash_of(model / WEIGHTS_FILE),
        "code_version": CODE_VERSION,
        "recipe": options and _without_paths(options),
        "training_is_known": training_is_known(model),
    }


def _history_of(model: Path) -> pd.DataFrame | None:
    path = run_of(model) / HISTORY_FILE
    try:
        return pd.read_csv(path) if path.exists() else None
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}). Take it away: the report does without it.") from error


def _without_paths(config: dict) -> dict:
    """The options with the paths of initial weights, of this run and those before it, cut down to file names."""
    earlier = config.get("init_config")
    return config | {"init": PureWindowsPath(config["init"]).name, "init_config": earlier and _without_paths(earlier)}


def _twins(
    pictures: PictureSource, split: pd.Series, files: set[str], labels: dict[str, Labels]
) -> dict[str, list[dict]]:
    """For each of the `files` that has byte-identical twins in the split: these, each with its labels and subset."""
    keyed = ((file_key(member), data) for member, data in pictures.read())
    content = {key: content_hash(data) for key, data in keyed if key in split.index and key in labels}
    found = twins_among(content, labels)
    return {
        file: [twin | {"subset": split[twin["file"]]} for twin in found[file]]
        for file in sorted(files.intersection(found))
    }
