"""python -m train card | publish | space: describe a model, and send it or the page to the Hub."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from .command import clear_errors, print_files

RepoId = Annotated[str, typer.Option(help="Repository on the Hub: USER/NAME, such as anna/faces-small.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, but send nothing.")]


def card(
    model: Annotated[Path, typer.Option(help="Folder of the model; its README.md is overwritten.")],
    report: Annotated[Path, typer.Option(help="Folder of the model's report.")],
) -> None:
    """Write the model card, with the report's figures, beside the weights. `publish` makes a card of its own, which
    also shows the confusion matrices.

    Example: python -m train card --model runs/first --report eval_reports/first
    """
    from agr.evaluation.report import EvalReport

    from .card import write_card

    with clear_errors():
        typer.echo(f"Wrote {write_card(EvalReport.load(report), model)}.")


def publish(
    model: Annotated[Path, typer.Option(help="Folder of a run or of a model.")],
    report: Annotated[Path, typer.Option(help="Folder of the model's report.")],
    repo_id: RepoId,
    private: Annotated[bool, typer.Option("--private", help="Only you can see it.")] = False,
    tag: Annotated[str | None, typer.Option(help="Name of this version, such as v1.0.")] = None,
    pr: Annotated[bool, typer.Option("--pr", help="Send a pull request instead of changing the model.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The report's pictures, of which a sample is predicted again; default: those of the run.",
            envvar="AGR_UTKFACE",
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Check a model and its report, then send both to the Hugging Face Hub in one commit. No photo is sent.

    Example: python -m train publish --model runs/mine --report eval_reports/mine --repo-id USER/NAME --dry-run
    """
    from .hub import Hub, check_tag_name
    from .publish import CARD_FILE, check_sample, data_of, stage
    from .publish import publish as run

    if pr and tag:
        raise typer.BadParameter("A pull request has no tag: it is named when it is merged.", param_hint="--tag")
    with clear_errors(), TemporaryDirectory() as folder:
        if tag:
            check_tag_name(tag)
        if not dry_run:
            Hub(repo_id, must_own=not pr)  # fails before the long checks if we may not write there
        stage(model, report, Path(folder), repo_id=repo_id)
        pictures = data or data_of(model)
        if pictures is None:
            raise typer.BadParameter("Name the pictures that the report was made with.", param_hint="--data")
        checked = check_sample(model, report, pictures)
        print_files(Path(folder))
        card = (Path(folder) / CARD_FILE).read_text(encoding="utf-8")
        typer.echo(f"\n{card}\n\n{checked} faces of the report were predicted again, with the same result.")
        if dry_run:
            typer.echo(f"Dry run: nothing was sent to {repo_id}.")
            return
        done = run(Path(folder), repo_id, private=private, tag=tag, pr=pr)
    typer.echo(f"{done.url}\ncommit {done.commit}" + ("" if done.is_new else ": nothing had changed"))
    named = f"refs/pr/{done.url.rsplit('/', 1)[-1]}" if pr and done.is_new else tag
    loaded = f"{repo_id}@{named}" if named else repo_id
    typer.echo(f'FaceAnalyzer.from_pretrained("{loaded}")')


def space(
    repo_id: RepoId,
    model: Annotated[
        str | None,
        typer.Option(help="Model that the page uses: USER/MODEL or USER/MODEL@REVISION; default: the bundled one."),
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a report to include beside the project's own; repeat it for several."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Only you can see it.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Host the page as a Hugging Face Space: send only the files that it needs, in one commit.

    Example: python -m train space --repo-id USER/faces --model USER/MODEL --dry-run
    """
    from .space import publish_space, stage_space

    with clear_errors(), TemporaryDirectory() as folder:
        stage_space(Path(folder), repo_id=repo_id, model=model, reports=report or [])
        print_files(Path(folder))
        if dry_run:
            typer.echo(f"Dry run: nothing was sent to {repo_id}.")
            return
        done = publish_space(Path(folder), repo_id, model=model, private=private)
    typer.echo(f"{done.url}\ncommit {done.commit}" + ("" if done.is_new else ": nothing had changed"))
