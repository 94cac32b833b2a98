"""The record of what a run was made from, in its `fit.json`, so that the run can be repeated, resumed and described."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from agr.config import CODE_VERSION, WEIGHTS_FILE
from agr.evaluation.report import HISTORY_FILE
from agr.pictures import DataError

from .config import FitConfig
from .files import content_hash_of, expect_nothing_else, write_atomically
from .prepare import Prepared
from .provenance import keep_split
from .run_folder import BEST_FOLDER, CHECKPOINT_FILE, EARLIER, RECORD_FILE, SPLIT_FILE, run_of

_FILES = {
    "split_hash": "another split",
    "init_hash": "other initial weights",
    "relabel_hash": "other corrected labels",
    "soft_labels_hash": "other soft labels",
    "teachers_hash": "other teachers",
}
_CROPS = {
    "names": "other pictures",
    "input_size": "crops of another size",
    "template": "crops by another template",
    "crop_sigma": "crops of another softness",
}
"""Keys of a record (`_FILES`) and of its data (`_CROPS`) -> what has changed if two records differ in them."""


def record_of(config: FitConfig, prepared: Prepared, split: Path, *, init_hash: str | None) -> dict:
    """What is needed to repeat a run, except its corrected labels, soft labels and teachers."""
    return {
        "config": asdict(config),
        "data": prepared.source,
        "split_hash": content_hash_of(split),
        "init_hash": init_hash,
        "init_config": init_options(Path(config.init)),
        "versions": {
            "agr": CODE_VERSION,
            "torch": version("torch"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
    }


def init_options(init: Path) -> dict | None:
    """The options of the earlier run, if any, whose weights this one starts from, so that both can be repeated."""
    if not init.is_file():  # a name, such as imagenet
        return None
    # Weights in the best epoch's folder are as training left them; those in the run's own are balanced.
    folder = init.absolute().parent
    is_best = folder.name == BEST_FOLDER
    options = options_of(folder)
    return {name: value for name, value in options.items() if name != "balance"} if options and is_best else options


def read_run(folder: Path) -> dict | None:
    """The contents of a run's `fit.json`, also when given its best epoch's folder; None if there is no such file.
    Raises DataError if it is damaged."""
    path = run_of(folder) / RECORD_FILE
    if not path.is_file():
        return None
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(run["config"], dict):
            raise TypeError("config is no object")
        return run
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}). Take it away, or another model.") from error


def options_of(folder: Path) -> dict | None:
    """The options of the run in `folder` and of the runs before it, and what was done to its labels and weights, as
    reports and later runs state them. None if the folder is not a run; raises DataError if its `fit.json` is
    damaged."""
    run = read_run(folder)
    if run is None:
        return None
    return run["config"] | {
        "init_config": run.get("init_config"),
        # Fewer than in its options if it was interrupted.
        "epochs_done": _epochs_done(run_of(folder) / HISTORY_FILE),
        "relabelled": run.get("relabelled", 0),
        "soft_labels": bool(run.get("soft_labels_hash")),
        "teachers": len(run.get("teachers_hash", [])),
        "teacher_backbones": run.get("teacher_backbones", []),
        "teachers_taught_by": run.get("teachers_taught_by", []),
        "averaged": len(run.get("averaged", [])),
        "averaged_backbones": run.get("averaged_backbones", []),
        "balance": run.get("balance", {}),
    }


def _epochs_done(history: Path) -> int | None:
    try:
        return len(pd.read_csv(history)) if history.is_file() else None
    except ValueError as error:
        raise DataError(f"{history} is damaged ({error}). Take it away, or another model.") from error


def taught_by(run: dict | None) -> set[str]:
    """The backbones that taught a run (its `fit.json`) or the runs before it, directly or through their teachers."""
    found: set[str] = set()
    while run:
        for kind in ("teacher_backbones", "teachers_taught_by", "averaged_backbones"):
            found |= {*run.get(kind, [])}
        run = run.get("init_config")
    return found


def claim(output: Path, record: dict, split: Path, *, resume: bool, learnt_from: Sequence[Path] = ()) -> None:
    """Write the record into an empty run folder or, to resume, check that the one there is the same. Raises DataError
    if it is not, or if the folder holds something else."""
    path = output / RECORD_FILE
    if path.exists() and not resume:
        raise DataError(f"{output} holds a run already. Add --resume to go on with it, or choose another --output.")
    if resume and not path.exists():
        raise DataError(f"{output} holds no run to go on with. Leave out --resume to start one there.")
    if (output / WEIGHTS_FILE).exists() and not (output / CHECKPOINT_FILE).exists():
        raise DataError(f"{output} holds a model, and no checkpoint to go on from. Choose another --output.")
    if resume:
        _expect_the_same(path, record)
        return
    expect_nothing_else(output, lambda path: begins_a_run(path, split))
    keep_split(split, output, learnt_from=learnt_from)
    write_record(output, record)


def _expect_the_same(path: Path, record: dict) -> None:
    """Raises DataError if the run recorded in `path` has other settings than `record`, naming each difference."""
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        # In an older record, options that were added since have their defaults; other new keys are absent.
        then, now = asdict(FitConfig(**old["config"])), record["config"]
        changed = [f"{name} {then[name]} then, {now[name]} now" for name in now if then[name] != now[name]]
        changed += [text for key, text in _FILES.items() if (old.get(key) or None) != (record[key] or None)]
        changed += [text for key, text in _CROPS.items() if old["data"].get(key) != record["data"].get(key)]
        changed += ["another number of processes"] if old.get("processes", 1) != record["processes"] else []
        precision = record["computed_in"]
        changed += ["another precision"] if old.get("computed_in", precision) != precision else []
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({error}). Start anew in another --output.") from error
    if changed:
        raise DataError(
            f"{path.parent} was started with other settings: {', '.join(changed)}. Resume with the same ones, or "
            "choose another --output."
        )


def begins_a_run(path: Path, split: Path) -> bool:
    """Whether `keep_split` wrote the file, or it is the split itself."""
    is_copy = path.name == SPLIT_FILE and content_hash_of(path) == content_hash_of(split)
    return is_copy or path.resolve() == split.resolve() or path.name.startswith(EARLIER)


def write_record(output: Path, record: dict) -> None:
    """Write what the run is made from to `fit.json`."""
    write_atomically(output / RECORD_FILE, lambda tmp: tmp.write_text(json.dumps(record, indent=2) + "\n"))
