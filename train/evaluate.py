"""A model over one subset of the data, through the app's own path (detect, align, model), into an EvalReport."""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from agr.analyzer import Face, FaceAnalyzer
from agr.evaluation.report import COLUMNS, HISTORY_FILE, SCHEMA_VERSION, EvalReport
from agr.evaluation.summary import figures, group_figures
from agr.images import ImageError
from agr.labels import GENDERS, RACES, TASK_CLASSES
from agr.model import CODE_VERSION, WEIGHTS_FILE

from .files import content_hash_of
from .prepare import source_of
from .utkface import Labels, PictureSource, content_hash, file_key, labels_of, read_split, subset_files


def evaluate(model: Path, *, data: Path, split: Path, subset: str, output: Path) -> EvalReport:
    """Evaluate the model in the folder `model` on the split's `subset`, and save the report to `output`.

    `data`: UTKFace as a folder or archive, or a folder that `prepare` made from it. Of several faces in a picture the
    largest
    counts; one in which no face is found counts as wrong. Raises DataError or ModelError if something does not fit.
    """
    pictures = PictureSource(source_of(data))
    parts = read_split(split)
    keys = pd.Index([file_key(member) for member in pictures.members if labels_of(file_key(member))])
    files = subset_files(parts, subset, keys)
    analyzer = FaceAnalyzer.from_pretrained(model)
    table = predict(analyzer, pictures, set(files), _twins(pictures, parts, subset))
    history = pd.read_csv(model / HISTORY_FILE) if (model / HISTORY_FILE).exists() else None
    report = EvalReport(_summary(output.name, model, analyzer, table, subset, split), table, history)
    report.save(output)
    return report


def predict(analyzer: FaceAnalyzer, pictures: PictureSource, files: set[str], twins: set[str]) -> pd.DataFrame:
    """A row of `agr.evaluation.report.COLUMNS` for each of the `files`."""
    chosen: list[str] = []

    def contents() -> Iterator[bytes]:
        for member, content in pictures.read():
            if file_key(member) in files:
                chosen.append(file_key(member))
                yield content

    rows: list[dict] = []
    for result in tqdm(
        analyzer.analyze_many(contents()), total=len(files), unit="picture", desc="evaluate", smoothing=0.05
    ):
        file = chosen[len(rows)]
        labels = labels_of(file)
        assert labels is not None  # `files` holds no malformed names
        face = None if isinstance(result, ImageError) or not result else result[0]
        rows.append(_row(file, labels, file in twins, face))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("file", ignore_index=True)


def _row(file: str, labels: Labels, has_twin: bool, face: Face | None) -> dict:
    row = {
        "file": file,
        "detected": face is not None,
        "has_twin": has_twin,
        "true_age": labels.age,
        "true_gender": GENDERS[labels.gender],
        "true_race": RACES[labels.race],
    }
    if face is None:
        return row
    row |= {"pred_age": face.age, "age_low": face.age_interval[0], "age_high": face.age_interval[1]}
    row |= {f"pred_{task}": getattr(face, task) for task in TASK_CLASSES}
    return row | {
        f"prob_{task}_{label}": p for task in TASK_CLASSES for label, p in getattr(face, f"{task}_probs").items()
    }


def _recipe(model: Path) -> dict | None:
    """The options of the run that made the model, if it lies in its run's folder; of a path only the file's name."""
    if not (model / "fit.json").exists():
        return None
    run = json.loads((model / "fit.json").read_text())
    return _without_paths(run["config"] | {"init_config": run.get("init_config")})


def _without_paths(config: dict) -> dict:
    earlier = config.get("init_config")
    return config | {"init": Path(config["init"]).name, "init_config": earlier and _without_paths(earlier)}


def _twins(pictures: PictureSource, split: pd.Series, subset: str) -> set[str]:
    """Files of the subset whose very picture is in another subset too: a model may have seen them in training."""
    content = pd.Series({file_key(member): content_hash(data) for member, data in pictures.read()})
    part = split.reindex(content.index)
    elsewhere = set(content[part.notna() & (part != subset)])
    mine = content[part == subset]
    return set(mine.index[mine.isin(elsewhere)])


def _summary(name: str, model: Path, analyzer: FaceAnalyzer, table: pd.DataFrame, subset: str, split: Path) -> dict:
    config = analyzer.net.config
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": {
            "backbone": config.backbone,
            "input_size": config.input_size,
            "parameters": sum(p.numel() for p in analyzer.net.parameters()),
            "weights_hash": content_hash_of(model / WEIGHTS_FILE),
            "code_version": CODE_VERSION,
            "recipe": _recipe(model),
        },
        "data": {
            "name": "UTKFace",
            "subset": subset,
            "split_hash": content_hash_of(split),
            "n": len(table),
            "detected": int(table["detected"].sum()),
            "twins": int(table["has_twin"].sum()),
            "undetected": table.loc[~table["detected"], "file"].tolist(),
        },
        "figures": {"all": figures(table), "without_twins": figures(table[~table["has_twin"]])},
        "groups": group_figures(table),
    }
