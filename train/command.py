"""What the commands share: what they print, and how they end when something is wrong."""

from errno import ENOSPC

import typer


def print_plan(files: list[tuple[str, int]]) -> None:
    """The files that are to be sent: (name, bytes)."""
    for name, size in files:
        typer.echo(f"{size:>12,}  {name}")


def print_figures(summary: dict) -> None:
    """A report's figures with their intervals."""
    names = [name for name in summary["figures"]["all"] if "recall" not in name]
    typer.echo(f"{'':24}{'all':>34}{'without twins':>34}")
    for name in names:
        cells = [summary["figures"][part][name] for part in ("all", "without_twins")]
        texts = (f"{cell['value']:.4f} ({cell['low']:.4f} to {cell['high']:.4f})" for cell in cells)
        typer.echo(f"{name:24}" + "".join(f"{text:>34}" for text in texts))


def print_stress(conditions: list[dict]) -> None:
    """What each condition of a report's stress changes."""
    for condition in conditions:
        cells = (
            f"{name} {figure['difference']['value']:+.4f} "
            f"({figure['difference']['low']:+.4f} to {figure['difference']['high']:+.4f})"
            for name, figure in condition["figures"].items()
        )
        typer.echo(f"{condition['condition']:30}" + "  ".join(cells))


class clear_errors:
    """Ends the command with a message instead of a trace where the input or the machine is at fault. `stopped`: what
    to do when it was interrupted."""

    def __init__(self, stopped: str = "") -> None:
        self.stopped = stopped

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> None:
        from agr.config import ModelError
        from agr.evaluation.report import ReportError
        from agr.pictures import DataError

        if isinstance(error, KeyboardInterrupt):
            typer.echo("Stopped." + (f" {self.stopped}" if self.stopped else ""), err=True)
            raise typer.Exit(130) from None
        if isinstance(error, OSError) and error.errno == ENOSPC:
            typer.echo("Error: The disk is full. Free some space and run the same command again.", err=True)
            raise typer.Exit(1) from error
        if isinstance(error, (DataError, ModelError, ReportError, OSError)):
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from error
