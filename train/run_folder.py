"""A run's folder: what it was made of, in `fit.json`, so that it can be repeated, resumed and described."""

import json
import platform
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from agr.config import CODE_VERSION, CONFIG_FILE, WEIGHTS_FILE
from agr.evaluation.report import HISTORY_FILE
from agr.pictures import DataError

from .config import FitConfig
from .files import content_hash_of, expect_nothing_else, write_atomically
from .prepare import Prepared
from .utkface import SUBSETS, read_split

RECORD_FILE = "fit.json"
"""In a run's folder: what it is made of."""
BEST_FOLDER = "best"
"""In a run's folder: the weights of its best epoch, as training left them."""
CHECKPOINT_FILE = "checkpoint.pt"
SPLIT_FILE = "split.csv"
"""In a run's folder: the split that it was trained by."""
_EARLIER = "split-"
"""So begin the names of those that models were trained by which it learnt from."""
UNKNOWN_FILE = "split-unknown.txt"
"""In a run's folder, if it learnt from a model whose folder says nothing of its training."""

_CALLED = {
    "split_hash": "another split",
    "init_hash": "other first weights",
    "relabel_hash": "other corrected labels",
    "soft_labels_hash": "other soft labels",
    "teachers_hash": "other teachers",
    "names": "other pictures",
    "input_size": "crops of another size",
    "template": "crops by another template",
    "crop_sigma": "crops of another softness",
    "processes": "another number of processes",
    "computed_in": "another precision",
}


def record_of(config: FitConfig, prepared: Prepared, split: Path, *, init_hash: str | None) -> dict:
    """What is needed to repeat a run, but for its corrected labels and teachers."""
    return {
        "config": asdict(config),
        "data": prepared.source,
        "split_hash": content_hash_of(split),
        "init_hash": init_hash,
        "init_config": config_of(Path(config.init)),
        "versions": {
            "agr": CODE_VERSION,
            "torch": version("torch"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
    }


def config_of(init: Path) -> dict | None:
    """The options of an earlier run whose weights this one starts from, so that the whole way can be repeated."""
    if not init.is_file():  # a name, such as imagenet
        return None
    # In the folder of the best epoch they are as training left them, in the run's own they are finished.
    folder = init.absolute().parent
    is_best = folder.name == BEST_FOLDER
    options = options_of(folder)
    return {name: value for name, value in options.items() if name != "balance"} if options and is_best else options


def read_run(folder: Path) -> dict | None:
    """What a run's `fit.json` says, also of its best epoch's folder; None of a folder without one. Raises DataError if
    it is damaged."""
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
    """The options of the run in `folder`, those of the runs before it, and what became of its labels and weights, as a
    report and a later run tell them. None if it is no run's; raises DataError if its `fit.json` is damaged."""
    run = read_run(folder)
    if run is None:
        return None
    return run["config"] | {
        "init_config": run.get("init_config"),
        # Fewer than its options say if it was broken off.
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
    """The backbones that a run, as its `fit.json` tells it, or one before it was taught by, at first or second hand."""
    found: set[str] = set()
    while run:
        for kind in ("teacher_backbones", "teachers_taught_by", "averaged_backbones"):
            found |= {*run.get(kind, [])}
        run = run.get("init_config")
    return found


def claim(output: Path, record: dict, split: Path, *, resume: bool, learnt_from: Sequence[Path] = ()) -> None:
    """Write the record into an empty run folder, or see that the one there is the same. Raises DataError if it is not,
    or if the folder holds something else."""
    path, checkpoint = output / RECORD_FILE, output / CHECKPOINT_FILE
    if path.exists() and not resume:
        raise DataError(f"{output} holds a run already. Add --resume to go on with it, or choose another --output.")
    if resume and not path.exists():
        raise DataError(f"{output} holds no run to go on with. Leave out --resume to start one there.")
    if (output / WEIGHTS_FILE).exists() and not checkpoint.exists():
        raise DataError(f"{output} holds a model, and no checkpoint to go on from. Choose another --output.")
    if not path.exists():
        expect_nothing_else(output, lambda path: _begins_a_run(path, split))
    if path.exists():
        keys = ("config", "split_hash", "init_hash", "relabel_hash", "soft_labels_hash", "teachers_hash")
        crops = ("names", "input_size", "template", "crop_sigma")
        try:
            old = json.loads(path.read_text(encoding="utf-8"))
            # An option that is newer than the run had its default then; what is newer and no option was not there.
            old["config"] = asdict(FitConfig(**old["config"]))
            changed = [key for key in keys if (old.get(key) or None) != (record[key] or None)]
            changed += [key for key in crops if old["data"].get(key) != record["data"].get(key)]
            changed += ["processes"] if old.get("processes", 1) != record["processes"] else []
            changed += ["computed_in"] if old.get("computed_in", record["computed_in"]) != record["computed_in"] else []
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{path} is damaged ({error}). Start anew in another --output.") from error
        if changed:
            then, now = old["config"], record["config"]
            changed = [_CALLED.get(key, key) for key in changed if key != "config"]
            options = [f"{name} {then[name]} then, {now[name]} now" for name in now if then[name] != now[name]]
            raise DataError(
                f"{output} was started with other settings: {', '.join(options + changed)}. "
                "Resume with the same ones, or choose another --output."
            )
        return
    keep_split(split, output, learnt_from=learnt_from)
    write_record(output, record)


def _begins_a_run(path: Path, split: Path) -> bool:
    """Whether `keep_split` wrote a file, or it is the split itself."""
    is_copy = path.name == SPLIT_FILE and content_hash_of(path) == content_hash_of(split)
    return is_copy or path.resolve() == split.resolve() or path.name.startswith(_EARLIER)


def keep_split(split: Path, output: Path, *, learnt_from: Sequence[Path]) -> None:
    """Put a copy of the split into a run's folder, which may be where it lies, and of those that the models were
    trained by which it learns from."""
    output.mkdir(parents=True, exist_ok=True)
    if split.resolve() != (output / SPLIT_FILE).resolve():
        shutil.copyfile(split, output / SPLIT_FILE)
    if unknown := untold(learnt_from):
        sentences = "".join(f"{sentence}\n" for sentence in unknown)
        write_atomically(output / UNKNOWN_FILE, lambda path: path.write_text(sentences, encoding="utf-8"))
    copies = {content_hash_of(split): output / SPLIT_FILE}
    for earlier in (path for model in learnt_from for path in _splits_of(model)):
        name = content_hash_of(earlier)
        if name not in copies:
            copies[name] = output / f"{_EARLIER}{name[:12]}.csv"
            shutil.copyfile(earlier, copies[name])


def expect_unseen(model: Path, files: pd.Index, subset: str) -> None:
    """Raises DataError if the run in `model` was trained on some `files` of the `subset` valid or test, or chosen by
    some of test; of a folder that says nothing of its training nothing is known."""
    before = zip(SUBSETS[: SUBSETS.index(subset)], ("trained on", "chosen by"), strict=False)
    theirs = _parts_of(model, files)
    counts = [f"{how} {count}" for part, how in before if (count := theirs.get(part, 0))]
    if counts:
        raise DataError(
            f"{model} was {' and '.join(counts)} of the split's {len(files)} {subset} pictures. Take the split by "
            f"which it was trained, {run_of(model) / SPLIT_FILE}."
        )


def is_known(model: Path) -> bool:
    """Whether its folder says which pictures a model, and those that it learnt from, were trained on."""
    return bool(_splits_of(model)) and not (run_of(model) / UNKNOWN_FILE).exists()


def is_ours(folder: Path) -> bool:
    """Whether a folder holds a model that this code wrote: weights of others may have a config.json beside them."""
    try:
        return "schema_version" in json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def untold(models: Iterable[Path]) -> list[str]:
    """A sentence for each of the models of which it is not known what they were trained on."""
    return [
        f"The folder of {model.resolve().name} does not say which pictures it was trained on: if valid or test "
        "pictures are among them, the figures of what learns from it are too good."
        for model in models
        if is_ours(model) and not is_known(model)
    ]


def expect_untrained(model: Path, files: pd.Index) -> None:
    """Raises DataError if the run in `model` was trained on some of the `files` whose labels are to be judged."""
    if count := _parts_of(model, files).get("train", 0):
        raise DataError(
            f"{model} was trained on {count} of the {len(files)} faces whose labels are to be judged: it would repeat "
            "them. Begin with other weights, such as --init imagenet."
        )


def _parts_of(model: Path, files: pd.Index) -> dict[str, int]:
    """How many of the `files` a run was trained on (train) and chosen by (valid), it or one that it learnt from."""
    theirs = [read_split(path).reindex(files) for path in _splits_of(model)]
    found, rest = {}, np.ones(len(files), bool)
    for part in SUBSETS[:2]:
        of_part = rest & np.any([(split == part).to_numpy() for split in theirs], axis=0)
        found[part], rest = int(of_part.sum()), rest & ~of_part
    return found


def _splits_of(model: Path) -> list[Path]:
    """The split that a run was trained by, and those of the runs that it learnt from; none of what is no run's."""
    folder = run_of(model)
    return [path for path in (folder / SPLIT_FILE, *sorted(folder.glob(f"{_EARLIER}*.csv"))) if path.is_file()]


def trained(folder: Path) -> Path:
    """Where a run's weights are as training left them, neither balanced nor calibrated; of any other model its
    folder."""
    best = folder / BEST_FOLDER
    return best if best.exists() else folder


def run_of(model: Path) -> Path:
    """The folder of the run that a model is of: its own, or of the best epoch's the one around it."""
    model = model if model.name else model.absolute()  # "." has no name
    return model.parent if model.name == BEST_FOLDER else model


def write_record(output: Path, record: dict) -> None:
    """Say in `fit.json` what the run is made of."""
    write_atomically(output / RECORD_FILE, lambda tmp: tmp.write_text(json.dumps(record, indent=2) + "\n"))
