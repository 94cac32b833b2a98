"""python -m train prepare | split | fit | average | clean | evaluate | card | publish | space | graphs"""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import typer

from .command import clear_errors, in_shell, print_figures, print_stress
from .publish_command import card, publish, space

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

DataFolder = Annotated[Path, typer.Option(help="Folder that `prepare` wrote.")]
GOES_ON = "Run the same command again to continue."
MOST_NAMED = 10
"""Files that `prepare` lists of those that it could not use, by reason."""
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a report that is in --output already.")]
Split = Annotated[Path, typer.Option(help="CSV with the columns file and split (train, valid or test).")]


def _take_recipe(context: typer.Context, name: str | None) -> str | None:
    """Make a recipe's values the defaults of the other options: what is given beside it counts."""
    from .recipes import read_recipe

    if name:
        with clear_errors():
            context.default_map = read_recipe(name)
    return name


Recipe = Annotated[
    str | None,
    typer.Option(
        help="Take the options from a recipe in train/recipes (mobilenet_v2_plain: from ImageNet alone; mobilenet_v2: "
        "the bundled one, after its teachers, see train/README.md) or from a .yaml of your own. Options that are given "
        "on the command line too win.",
        callback=_take_recipe,
        is_eager=True,
    ),
]


@app.callback()
def main() -> None:
    """Train a model on UTKFace: prepare the faces once, fit, evaluate; publish it to the Hugging Face Hub."""


@app.command()
def prepare(
    data: Annotated[
        Path, typer.Option(help="UTKFace: a folder, .zip or .tar.gz of .jpg, .png, .webp or .avif pictures.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the crops (1.8 GB at 160 pixels, twice that at the end).")],
    size: Annotated[int, typer.Option(help="Side of the crops in pixels: the model's input.", min=32, max=512)] = 160,
    workers: Annotated[int | None, typer.Option(help="Processes; by default one a core.", min=1)] = None,
) -> None:
    """Detect and align every face once. If interrupted, run the same command again to continue.

    Pictures that are added or removed later are noticed, those that are replaced under their names are not.

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
    output: Annotated[Path, typer.Option(help="The CSV to write.")],
    test_of: Annotated[
        Path | None,
        typer.Option(help="A report whose pictures are the test part, such as eval_reports/mobilenet_v2."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 0,
) -> None:
    """Share out the pictures at random: 68 % to train with, 12 % to choose by (valid), 20 % to test with.

    Pictures that are equal byte by byte stay together. With --test-of, figures compare with that report's. Use a new
    split for models that are trained from scratch: one that was trained on another split has seen most of the new
    validation pictures.

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
        str, typer.Option(help="mobilenet_v2, densenet121 or another that `graphs` has written a graph of.")
    ] = "mobilenet_v2",
    init: Annotated[
        str,
        typer.Option(
            help="First weights: imagenet (torchvision's or timm's), none, a .safetensors file, face-api's .json or "
            "InsightFace's .onnx."
        ),
    ] = "imagenet",
    epochs: Annotated[int, typer.Option(min=1)] = 14,
    batch_size: Annotated[int, typer.Option(help="Over all processes together.", min=2)] = 64,
    lr: Annotated[float, typer.Option(help="Highest learning rate, after the warm-up.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="AdamW's.")] = 0.02,
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], typer.Option(help="auto takes bf16 where the hardware has it.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Random seed, of first weights, order and augmentation.", min=0)] = 0,
    relabel: Annotated[
        Path | None,
        typer.Option(help="CSV of corrected labels, as the dashboard saves it; only the train part's are changed."),
    ] = None,
    soft_labels: Annotated[
        Path | None,
        typer.Option(help="soft_labels.parquet of `clean`: out-of-fold predictions for each training face."),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a trained model to distil from; repeatable."),
    ] = None,
    soft_weight: Annotated[
        float,
        typer.Option(
            help="Share of the target that comes from teachers or soft labels: 0 is the label alone, 1 these alone."
        ),
    ] = 0.5,
    mixup: Annotated[
        float,
        typer.Option(
            help="Share of crops blended with another one (mixup), whose targets come from the teachers alone."
        ),
    ] = 0.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --output; it ends as if never interrupted.")
    ] = False,
) -> None:
    """Train on the split's train part; the best epoch on its valid part is kept, balanced and calibrated there.

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
        list[Path], typer.Option(help="Folder of a model; repeatable. One alone is balanced and calibrated anew.")
    ],
    data: DataFolder,
    split: Split,
    output: Annotated[Path, typer.Option(help="Folder of the new model.")],
) -> None:
    """Average the weights of models that share their first steps; balance and calibrate on the valid part.

    The model card tells how the first one was trained, and that the others start from the same weights.

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
    output: Annotated[Path, typer.Option(help="Folder for the folds' models and what is found.")],
    folds: Annotated[int, typer.Option(help="Each is predicted by a model trained on the others.", min=2)] = 5,
    threshold: Annotated[
        float, typer.Option(help="Labels contradicted with this probability or more are listed.", min=0, max=1)
    ] = 0.9,
    backbone: Annotated[str, typer.Option(help="As for fit.")] = "mobilenet_v2",
    init: Annotated[str, typer.Option(help="As for fit.")] = "imagenet",
    epochs: Annotated[int, typer.Option(help="Of each fold.", min=1)] = 14,
    batch_size: Annotated[int, typer.Option(min=2)] = 64,
    lr: Annotated[float, typer.Option(help="As for fit.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of the folds and of training.", min=0)] = 0,
) -> None:
    """Find false labels in the train part by cross-validation. If interrupted, run the same command again to continue.

    Writes relabel.csv (for fit --relabel), soft_labels.parquet (for fit --soft-labels) and a report that the dashboard
    opens (--reports), where labels can be judged by eye. Takes as long as FOLDS times fit.

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
        Path, typer.Option(help="UTKFace as a folder or archive, or the folder that `prepare` made of it.")
    ],
    split: Split,
    output: Annotated[Path, typer.Option(help="Folder of the report, such as eval_reports/NAME.")],
    subset: Annotated[Literal["train", "valid", "test"], typer.Option(help="Part of the split.")] = "test",
    stress: Annotated[
        bool,
        typer.Option(
            "--stress",
            help="Measure too how figures fall when faces are turned, blurred, darkened, ...: thirteen passes over "
            "up to 5,000 pictures, a quarter of an hour on two cores.",
        ),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Measure a model through the app's own path, and write the report that the dashboard reads.

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
    if Path(model).is_dir():
        typer.echo(f"Next: python -m train card --model {in_shell(model)} --report {in_shell(str(output))}")


for command in (card, publish, space):
    app.command()(command)


@app.command()
def graphs(
    backbones: Annotated[
        list[str] | None,
        typer.Argument(help="Classifiers of torchvision or timm; by default those that are there already."),
    ] = None,
) -> None:
    """Write the networks as ONNX graphs, for `agr` to run without torch; what makes a backbone known to `fit`. Models
    of backbones whose graphs do not come with the project run here alone: they cannot be published.

    Example: python -m train graphs mobilenet_v3_large
    """
    from agr.engine import backbones as known

    from .graphs import write_graphs

    with clear_errors():
        for path in write_graphs(backbones or list(known())):
            typer.echo(str(path))


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):  # names may hold letters that a console does not have
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[0].endswith("__main__.py"):
        sys.argv[0] = "python -m train"
    try:
        app(prog_name="python -m train")
    except ModuleNotFoundError as error:  # the page needs less than training
        sys.exit(f"Error: {error.name} is not installed. Install what training needs: requirements-dev.txt.")
