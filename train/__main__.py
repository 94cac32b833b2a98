"""python -m train prepare | split | fit | average | clean | evaluate | card | publish | space | graphs"""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import typer

from agr.command import print_figures

from .command import clear_errors, in_shell, print_stress
from .publish_command import card, publish, space

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

DataFolder = Annotated[Path, typer.Option(help="Folder that `prepare` wrote.")]
GOES_ON = "Run the same command again to continue."
MOST_NAMED = 10
"""Number of unusable files that `prepare` names for each reason."""
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a report that is already in --output.")]
Split = Annotated[Path, typer.Option(help="CSV with the columns file and split (train, valid or test).")]


def _take_recipe(context: typer.Context, name: str | None) -> str | None:
    """Make a recipe's values the defaults of the other options, so that options on the command line override them."""
    from .recipes import read_recipe

    if name:
        with clear_errors():
            context.default_map = read_recipe(name)
    return name


Recipe = Annotated[
    str | None,
    typer.Option(
        help="Read the options from a recipe in train/recipes (mobilenet_v2_plain: from ImageNet weights, without "
        "teachers; mobilenet_v2: the bundled model, which needs its teachers, see train/README.md) or from your own "
        ".yaml file. Options on the command line override the recipe's.",
        callback=_take_recipe,
        is_eager=True,
    ),
]


@app.callback()
def main() -> None:
    """Train a model on UTKFace: prepare the faces once, split, fit, evaluate; then publish it to the Hugging Face
    Hub."""


@app.command()
def prepare(
    data: Annotated[
        Path, typer.Option(help="UTKFace: a folder, .zip or .tar.gz of .jpg, .png, .webp or .avif pictures.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the crops (1.8 GB at 160 pixels, twice that near the end).")],
    size: Annotated[int, typer.Option(help="Side of the crops in pixels: the model's input.", min=32, max=512)] = 160,
    workers: Annotated[int | None, typer.Option(help="Number of processes; default: one per core.", min=1)] = None,
) -> None:
    """Detect, align and crop the face in every picture. If interrupted, run the same command again to continue.

    It refuses to continue if pictures were added or removed since; pictures replaced under the same name go unnoticed.

    Example: python -m train prepare --data UTKFace.tar.gz --output runs/utkface
    """
    from .prepare import prepare as run

    with clear_errors(GOES_ON):
        found = run(data, output, size=size, workers=workers)
    typer.echo(
        f"{found.faces} faces in {found.pictures} pictures; "
        f"{found.twin_groups} groups of pictures are equal byte by byte."
    )
    for kind, files in (
        ("malformed names, skipped", found.malformed),
        ("no face found", found.undetected),
        ("unreadable", found.unreadable),
    ):
        if files:
            more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
            typer.echo(f"{len(files)} {kind}: {', '.join(files[:MOST_NAMED])}{more}")
    if not found.faces:
        typer.echo("Error: there is nothing to train on. Expected names as age_gender_race_date.jpg.", err=True)
        raise typer.Exit(1)


@app.command()
def split(
    data: DataFolder,
    output: Annotated[Path, typer.Option(help="The CSV to write, such as split.csv.")],
    test_of: Annotated[
        Path | None,
        typer.Option(help="A report whose pictures become the test part, such as eval_reports/mobilenet_v2."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random draw.", min=0)] = 0,
) -> None:
    """Split the pictures at random: 68 % to train on (train), 12 % to choose the best epoch by (valid), 20 % to test
    on.

    Byte-identical pictures stay in the same part. With --test-of, figures are comparable with that report's. Use a new
    split only for models that are trained from scratch: one that was trained on another split has already seen most of
    the new validation pictures.

    Example: python -m train split --data runs/utkface --test-of eval_reports/mobilenet_v2 --output split.csv
    """
    from agr.pictures import DataError

    from .files import write_atomically
    from .split import make_split
    from .utkface import SUBSETS

    with clear_errors():
        if output.exists():
            raise DataError(f"{output} is there already. Choose another --output.")
        made = make_split(data, seed=seed, test_of=test_of)
        write_atomically(output, lambda path: made.rename("split").to_csv(path, index_label="file"))
    counts = made.value_counts()
    typer.echo(f"{output}: {', '.join(f'{subset} {counts[subset]:,}' for subset in SUBSETS)}.")


@app.command()
def fit(
    data: DataFolder,
    split: Split,
    output: Annotated[Path, typer.Option(help="Folder of this run, such as runs/NAME.")],
    recipe: Recipe = None,
    backbone: Annotated[
        str, typer.Option(help="mobilenet_v2, densenet121 or another network that `graphs` has exported.")
    ] = "mobilenet_v2",
    init: Annotated[
        str,
        typer.Option(
            help="Initial weights: imagenet (torchvision's or timm's, with their input statistics), none (random), a "
            ".safetensors file such as runs/NAME/model.safetensors, face-api's .json or InsightFace's .onnx. Files of "
            "others are given inputs from -1 to 1."
        ),
    ] = "imagenet",
    epochs: Annotated[int, typer.Option(min=1)] = 14,
    batch_size: Annotated[int, typer.Option(help="Faces per step, over all processes together.", min=2)] = 64,
    lr: Annotated[float, typer.Option(help="Peak learning rate, reached after the warm-up.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Weight decay of AdamW.")] = 0.02,
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], typer.Option(help="auto: bf16 if the hardware supports it, else fp32.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of random weights, order and augmentation.", min=0)] = 0,
    relabel: Annotated[
        Path | None,
        typer.Option(help="CSV of corrected labels, from the dashboard or `clean`; only the train part's are applied."),
    ] = None,
    soft_labels: Annotated[
        Path | None,
        typer.Option(help="soft_labels.parquet from `clean`: an out-of-fold prediction for each training face."),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a trained model to distil from; repeat it for several."),
    ] = None,
    soft_weight: Annotated[
        float,
        typer.Option(
            help="Share of the target that comes from teachers or soft labels; 0: the label alone, 1: these alone."
        ),
    ] = 0.5,
    mixup: Annotated[
        float,
        typer.Option(
            help="Share of crops blended with another crop; their targets come from the --teacher models alone."
        ),
    ] = 0.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --output; it ends as if never interrupted.")
    ] = False,
) -> None:
    """Train on the split's train part, keep the epoch that is best on its valid part, balance and calibrate it there.

    Balancing raises the logits of the classes with the lowest recall.

    Examples:

      python -m train fit --recipe mobilenet_v2_plain --data runs/utkface --split split.csv --output runs/first

      python -m train fit --data runs/utkface --split split.csv --output runs/second --epochs 30 --lr 5e-4

    On several GPUs or machines: accelerate launch -m train fit ...
    """
    from .config import FitConfig
    from .fit import fit as run

    with clear_errors("Go on with the same command and --resume."):
        config = FitConfig(
            backbone=backbone,
            init=init,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            precision=precision,
            seed=seed,
            soft_weight=soft_weight,
            mixup=mixup,
        )
        run(
            config,
            data=data,
            split=split,
            output=output,
            relabel=relabel,
            soft_labels=soft_labels,
            teachers=teacher or [],
            resume=resume,
        )
    typer.echo(f"The model is in {output}. Next: python -m train evaluate --model {in_shell(str(output))} ...")


@app.command()
def average(
    model: Annotated[
        list[Path], typer.Option(help="Folder of a model; repeat for each. One alone is balanced and calibrated anew.")
    ],
    data: DataFolder,
    split: Split,
    output: Annotated[Path, typer.Option(help="Folder of the new model.")],
) -> None:
    """Average the weights of models with a common start (model soup), then balance and calibrate on the valid part.

    A common start means that one was trained from another's weights, or all from the same ones: otherwise the mean is
    useless. The model card describes how the first was trained, and says that the others start from the same weights.

    Example: python -m train average --model runs/b --model runs/a --data runs/utkface --split split.csv --output runs/c
    """
    from .average import average as run

    with clear_errors():
        made = run(model, data=data, split=split, output=output)
    for folder, score in zip([*model, "their mean"], [*made.scores, made.mean], strict=True):
        typer.echo(f"{folder}: score {score:.4f} on the valid part")
    if made.mean < sum(made.scores) / len(made.scores):
        typer.echo("The mean is worse than they are on average: do they share their first steps?", err=True)
    raised = ", ".join(f"{name} by {by:g}" for classes in made.balance.values() for name, by in classes.items())
    typer.echo(f"The model is in {output}. Classes whose logits were raised: {raised or 'none'}.")


@app.command()
def clean(
    data: DataFolder,
    split: Split,
    output: Annotated[Path, typer.Option(help="Folder for the folds' models and the results.")],
    folds: Annotated[int, typer.Option(help="Each is predicted by a model that is trained on the others.", min=2)] = 5,
    threshold: Annotated[
        float, typer.Option(help="List labels that are contradicted with at least this probability.", min=0, max=1)
    ] = 0.9,
    backbone: Annotated[str, typer.Option(help="As for fit.")] = "mobilenet_v2",
    init: Annotated[str, typer.Option(help="As for fit.")] = "imagenet",
    epochs: Annotated[int, typer.Option(help="Epochs of each fold.", min=1)] = 14,
    batch_size: Annotated[int, typer.Option(min=2)] = 64,
    lr: Annotated[float, typer.Option(help="As for fit.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of the folds and of training.", min=0)] = 0,
) -> None:
    """Find wrong labels in the train part by cross-validation. If interrupted, run the same command again to continue.

    Writes relabel.csv (for fit --relabel), soft_labels.parquet (for fit --soft-labels) and a report, in which labels
    can be judged by eye in the dashboard (python app.py --reports OUTPUT/report). Takes FOLDS times as long as fit.

    Example: python -m train clean --data runs/utkface --split split.csv --output runs/clean
    """
    from .clean import clean as run
    from .config import FitConfig

    with clear_errors(GOES_ON):
        config = FitConfig(backbone=backbone, init=init, epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
        found = run(config, data=data, split=split, folds=folds, threshold=threshold, output=output)
    counts = found.suspicious["task"].value_counts()
    listed = ", ".join(f"{task} {count}" for task, count in counts.items()) or "none"
    typer.echo(f"{len(found.report.predictions)} faces; suspicious labels: {listed}. They are in {output}/relabel.csv.")


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Option(help="Folder of a run or model, or USER/NAME or USER/NAME@REVISION on the Hub.")
    ],
    data: Annotated[
        Path, typer.Option(help="UTKFace as a folder or archive, or the folder that `prepare` made from it.")
    ],
    split: Split,
    output: Annotated[Path, typer.Option(help="Folder of the report, such as eval_reports/NAME.")],
    subset: Annotated[Literal["train", "valid", "test"], typer.Option(help="Part of the split to measure.")] = "test",
    stress: Annotated[
        bool,
        typer.Option(
            "--stress",
            help="Also measure how the figures drop when pictures are turned, blurred, darkened, ...: thirteen passes "
            "over up to 5,000 pictures, a quarter of an hour on two cores.",
        ),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Measure a model through the app's own path (detect, align, model), and write the report that the dashboard reads.

    Example: python -m train evaluate --model runs/first --data UTKFace.tar.gz --split split.csv --output
    eval_reports/first
    """
    from .evaluate import evaluate as run

    with clear_errors("If there is a report by now, it is without stress: repeat with --overwrite." if stress else ""):
        report = run(
            model, data=data, split=split, subset=subset, output=output, with_stress=stress, overwrite=overwrite
        )
    print_figures(report.summary)
    print_stress(report.summary.get("stress", []))
    typer.echo(f"The report is in {output}.")
    if Path(model).is_dir() and subset == "test":
        typer.echo(f"Next: python -m train card --model {in_shell(model)} --report {in_shell(str(output))}")


for command in (card, publish, space):
    app.command()(command)


@app.command()
def graphs(
    backbones: Annotated[
        list[str] | None,
        typer.Argument(help="Classifiers of torchvision or timm; default: those with a graph already."),
    ] = None,
) -> None:
    """Export networks as ONNX graphs, which `agr` runs without torch. `fit` accepts a backbone once it has a graph.
    Models whose backbone's graph does not come with the project run only on this machine and cannot be published.

    Example: python -m train graphs mobilenet_v3_large
    """
    from agr.engine import backbones as known

    from .graphs import write_graphs

    with clear_errors():
        for path in write_graphs(backbones or list(known())):
            typer.echo(str(path))


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):  # file names may contain letters that a console lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[0].endswith("__main__.py"):
        sys.argv[0] = "python -m train"
    try:
        app(prog_name="python -m train")
    except ModuleNotFoundError as error:  # training needs more packages than the page
        sys.exit(f"Error: {error.name} is not installed. Install what training needs: requirements-dev.txt.")
