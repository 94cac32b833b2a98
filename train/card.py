"""The model card: what a model is, how well it does, what it must not be used for. Every figure comes from a report."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from agr.config import WEIGHTS_FILE
from agr.evaluation.report import EvalReport
from agr.evaluation.tables import classified
from agr.labels import TASK_CLASSES
from agr.pictures import DataError

from .files import content_hash_of
from .record import taught_by

FIGURES = (
    ("Age, mean absolute error (years)", "age_mae", 1, 2),
    ("Age, mean squared error", "age_mse", 1, 1),
    ("Age within 5 years (%)", "age_cs5", 100, 1),
    ("Age, bias (years)", "age_bias", 1, 2),
    ("Age interval holds (%, meant to be 80)", "age_interval_coverage", 100, 1),
    ("Eight age groups (%)", "age_group_accuracy", 100, 1),
    ("Eight age groups, at most one off (%)", "age_group_one_off", 100, 1),
    ("Gender (%)", "gender_accuracy", 100, 1),
    ("Race, five classes (%)", "race_accuracy", 100, 1),
    ("Calibration error, age group", "age_group_ece", 1, 3),
    ("Calibration error, gender", "gender_ece", 1, 3),
    ("Calibration error, race", "race_ece", 1, 3),
)
"""Figures of the card: title, name in the report, factor and number of decimals."""
_GROUP_FIGURES = (
    ("age MAE", "age_mae", 1, 2),
    ("age bias", "age_bias", 1, 2),
    ("age group %", "age_group_accuracy", 100, 1),
    ("gender %", "gender_accuracy", 100, 1),
    ("race %", "race_accuracy", 100, 1),
)
_GROUPINGS = (
    (["gender"], "Gender"),
    (["race"], "Race"),
    (["age_band"], "Age"),
    (["gender", "race"], "Gender and race"),
)


CONFUSION_PICTURES = {task: f"confusion_{task}.png" for task in TASK_CLASSES}
"""File name of each task's confusion matrix in a published model."""
_METRICS = (
    ("age_mae", "mae", "Age, mean absolute error (years)"),
    ("age_group_accuracy", "accuracy", "Age group, accuracy"),
    ("gender_accuracy", "accuracy", "Gender, accuracy"),
    ("race_accuracy", "accuracy", "Race, accuracy"),
)
"""Results in the metadata that the Hub indexes: a figure's name in the report, the Hub's metric type and the title."""


def model_card(report: EvalReport, *, repo_id: str | None = None) -> str:
    """The card as Markdown, preceded by metadata for the Hub. `repo_id`: where the model is published, together with
    `CONFUSION_PICTURES`."""
    model, data = report.summary["model"], report.summary["data"]
    sections = [
        f"---\n{_metadata(report, repo_id).to_yaml()}\n---\n",
        _TEXT.format(**model | {"recipe": _recipe(model["recipe"])}),
        f"## Figures\n\n{_measured(data)}{_unknown(model)}\n\n{figures_table(report)}\n",
        _BY_GROUP.format(tables=group_tables(report)),
        *([_pictures()] if repo_id else []),
        _CAUTION.format(model=repo_id or "FOLDER_OR_HUB_ID"),
    ]
    return "\n".join(sections)


def write_card(report: EvalReport, folder: Path) -> Path:
    """Write the card as `README.md` into the model's folder. Raises DataError if the report is of other weights or of
    another part than test."""
    expect_weights_of(report, folder)
    expect_of_test(report)
    path = folder / "README.md"
    path.write_text(model_card(report), encoding="utf-8")
    return path


def expect_weights_of(report: EvalReport, folder: Path) -> None:
    """Raises DataError if the report was made with other weights than those in `folder`, or does not say with which."""
    if "weights_hash" not in report.summary["model"]:
        raise DataError("The report does not say which weights it is of. Make one with python -m train evaluate.")
    if report.summary["model"]["weights_hash"] != content_hash_of(folder / WEIGHTS_FILE):
        raise DataError(f"The report was made with other weights than those in {folder}. Evaluate the model again.")


def expect_of_test(report: EvalReport) -> None:
    """Raises DataError if the report is not of the test part."""
    if (subset := report.summary["data"].get("subset")) != "test":
        raise DataError(
            f"The report is of the {subset} part, whose faces the model knows. Expected one of the test part: make it "
            "with python -m train evaluate --subset test."
        )


def confusion_picture(report: EvalReport, task: str, path: Path) -> None:
    """Draw a task's confusion matrix as a PNG; each row shows shares of one true class."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    found, labels = classified(report.predictions, task).found, list(TASK_CLASSES[task])
    side = 2.5 + 0.5 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    ConfusionMatrixDisplay.from_predictions(
        found.true, found.pred, labels=range(len(labels)), display_labels=labels, normalize="true", values_format=".0%",
        cmap="Blues", colorbar=False, xticks_rotation="vertical", ax=figure.subplots(),
    )  # fmt: skip
    figure.savefig(path, dpi=110, metadata={"Software": None})  # the same bytes for the same report


def figures_table(report: EvalReport) -> str:
    """The main figures with 95 % intervals, on the whole subset and without twins, as a Markdown table."""
    figures = report.summary["figures"]
    rows = [
        f"| {title} | {_cell(figures['all'][name], factor, digits)} | "
        f"{_cell(figures['without_twins'][name], factor, digits)} |"
        for title, name, factor, digits in FIGURES
    ]
    head = f"| | all {figures['all']['gender_accuracy']['n']} | without twins |"
    return "\n".join([head, "|---|---|---|", *rows])


def group_tables(report: EvalReport) -> str:
    """The main figures of each group, as Markdown tables."""
    tables = []
    for by, title in _GROUPINGS:
        rows = [row for row in report.summary["groups"] if row["by"] == by]
        head = f"| {title} | n | {' | '.join(name for name, *_ in _GROUP_FIGURES)} |"
        lines = [
            f"| {', '.join(row['group'])} | {row['n']} | "
            + " | ".join(_cell(row["figures"][name], factor, digits) for _, name, factor, digits in _GROUP_FIGURES)
            + " |"
            for row in sorted(rows, key=lambda row: row["group"])
        ]
        tables.append("\n".join([head, "|---" * (2 + len(_GROUP_FIGURES)) + "|", *lines]))
    return "\n\n".join(tables)


def _cell(figure: dict, factor: float, digits: int) -> str:
    if figure["value"] is None:
        return "–"
    if figure["low"] is None:  # there is no interval for a single face
        return f"{figure['value'] * factor:.{digits}f}"
    value, low, high = (f"{figure[key] * factor:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _measured(data: dict) -> str:
    known = {
        "train": " The model was trained on these faces.",
        "valid": " The model was chosen and calibrated by these faces.",
    }
    return (
        f"On UTKFace's {data['subset']} subset: {data['n']} pictures through detection, alignment and network, as the "
        f"app does it. In {data['n'] - data['detected']} of them no face was found, which counts as wrong. "
        f"{data['twins']} have a byte-identical twin in the other subsets. 95 % intervals in brackets: Wilson's "
        "of shares, the bootstrap's of the rest; those of calibration errors are rough." + known.get(data["subset"], "")
    )


def _unknown(model: dict) -> str:
    if model.get("training_is_known", True):
        return ""
    return (
        "\n\n**It is not known which pictures this model, or one that it learnt from, was trained on.** If some of "
        "these are among them, the figures are too good."
    )


def _recipe(recipe: dict | None) -> str:
    if recipe is None:
        return "The recipe was not recorded."
    stages: list[str] = []
    backbones = taught_by(recipe)
    while recipe is not None:
        backbones.add(recipe["backbone"])
        stages += _since(recipe)
        stages.append(
            f"{_epochs(recipe)} of AdamW (learning rate {recipe['lr']:g}, weight decay "
            f"{recipe['weight_decay']:g}, batch {recipe['batch_size']}, cosine schedule, averaged weights with decay "
            f"{recipe['ema_decay']:g}) from {_start(recipe)}{_corrected(recipe)}{_softened(recipe)}"
        )
        recipe = recipe.get("init_config")
    return (
        "Trained in this order:\n\n"
        + "\n".join(f"1. {stage}" for stage in reversed(stages))
        + _CHOICE
        + "".join(text for backbone, text in _FACES.items() if backbone in backbones)
    )


def _since(recipe: dict) -> list[str]:
    """What `train.finish` and `train.average` did after training, the last step first."""
    done = []
    raised = [f"{name} by {by:g}" for classes in recipe.get("balance", {}).values() for name, by in classes.items()]
    if raised:
        done.append(f"the weakest classes' logits raised: {', '.join(raised)}")
    if (runs := recipe.get("averaged", 0)) > 1:
        done.append(f"the mean of the weights of {runs} runs, this one and others that start from the same weights")
    return done


def _epochs(recipe: dict) -> str:
    """The number of epochs, for an interrupted run in the form "48 of 53 epochs": its learning rate was scheduled for
    all of them."""
    epochs = recipe["epochs"]
    done = recipe.get("epochs_done") or epochs
    whole = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    return whole if done == epochs else f"{done} of {whole}"


def _corrected(recipe: dict) -> str:
    return f", {count} labels of the training data being corrected" if (count := recipe.get("relabelled")) else ""


def _softened(recipe: dict) -> str:
    if teachers := recipe.get("teachers"):
        names = ", ".join(recipe.get("teacher_backbones", []))
        which = f" ({names})" if names else ""
        who = f"another model{which} says" if teachers == 1 else f"{teachers} other models{which} say"
        told = f", {recipe['soft_weight']:.0%} of each label being what {who} of each crop"
        if share := recipe.get("mixup"):
            told += f", and all of it where crops were laid over one another ({share:.0%} of them)"
        return told
    if recipe.get("soft_labels"):
        return f", {recipe['soft_weight']:.0%} of each label being what other models said of the face"
    return ""


def _start(recipe: dict) -> str:
    if recipe.get("init_config"):
        return "the weights before"
    return {"none": "random weights", "imagenet": "ImageNet weights"}.get(recipe["init"], recipe["init"])


def _pictures() -> str:
    lines = (f"![{task.replace('_', ' ')}, rows are true classes]({name})" for task, name in CONFUSION_PICTURES.items())
    return "## Confusion\n\n" + "\n".join(lines) + "\n"


def _metadata(report: EvalReport, repo_id: str | None) -> ModelCardData:
    figures, data = report.summary["figures"]["all"], report.summary["data"]
    return ModelCardData(
        model_name=(repo_id or report.summary["name"]).split("/")[-1],
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type="utkface",
                dataset_name=f"{data['name']}, {data['subset']} subset",
                dataset_split=data["subset"],
                metric_type=kind,
                metric_name=title,
                metric_value=round(figures[name]["value"], 4),
            )
            for name, kind, title in _METRICS
            if figures[name]["value"] is not None
        ],
        license="other",
        license_name="utkface-non-commercial-research",
        license_link="https://susanqq.github.io/UTKFace/",
        library_name="age-gender-race",
        pipeline_tag="image-classification",
        tags=["face", "age-estimation", "gender-classification", "race-classification", "multitask"],
    )


_TEXT = """# Age, gender and race from an aligned face

One {backbone} ({parameters:,} parameters, {input_size} px) with three heads: age as a distribution over 0 to 116 years,
of which the age, its interval and eight age groups are read; gender (Male, Female); race (White, Black, Asian, Indian,
Others).

## What it is for

Exploring photos, studying how such models err, and as a baseline for research on faces.

**Not for** deciding anything about a person: not access, hiring, policing, insurance, advertising to individuals, age
verification or surveillance. It reads appearance, not identity: gender and race are what annotators of the training
data called a picture, and a person is not bound by that.

## Training data and its terms

UTKFace (Zhang, Song and Qi, "Age Progression/Regression by Conditional Adversarial Autoencoder", CVPR 2017), aligned by
MTCNN's landmarks. The data set is for **non-commercial research**; the pictures belong to their owners. The weights are
offered under the same restriction. The labels were partly estimated by an algorithm and checked by people: of
the groups of byte-identical pictures, one in five holds different races and one in ten different genders.

{recipe}
"""

_CHOICE = """

The best epoch, the raised logits, the temperatures, and the widths of age distribution and interval were chosen on
the validation part."""

_FACES = {
    "face_resnet": """ What face_resnet knows goes back to dlib's face recognition
network, which learnt from three million faces of its own and is in the public domain.""",
    "mobile_facenet": """ What mobile_facenet knows goes back to InsightFace's
w600k_mbf, which learnt from the faces of WebFace600K and is for non-commercial research.""",
}
"""Backbone of a model or its teachers -> the origin of what it knows about faces."""

_BY_GROUP = """## By group

With 95 % intervals, on the whole subset. Groups differ in age too, and so in how hard they are (gender is hard to read
off small children): the page's Groups view compares them at equal ages.

{tables}
"""

_CAUTION = """## Known weaknesses

- "Others" gathers people who have little in common, and the class says little.
- Errors differ by age, and gender is hard to read off small children: see the table by age.
- By true age, the young come out as older and the old as younger, as with any estimate from noisy labels; of a
  *predicted* age, the true one is not off on average.
- People over 80 are few: mind the n and the intervals.
- Covered faces (sunglasses, masks, hands), strong profiles and faces under about 40 pixels widen the errors.
- Ages and groups come from photos found on the web before 2017, many of them of celebrities.

## Use

```python
from agr import FaceAnalyzer
faces = FaceAnalyzer.from_pretrained("{model}").analyze("photo.jpg")
```
"""
