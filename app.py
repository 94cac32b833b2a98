"""The page: python app.py [--model FOLDER_OR_HUB_ID] [--port 7860]. A Hugging Face Space starts it the same way."""

import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.command import Model

if TYPE_CHECKING:
    from agr.analyzer import FaceAnalyzer
    from agr.config import ModelError

REPORTS = Path(__file__).parent / "eval_reports"


def main(
    model: Model = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            help="Your own UTKFace (folder, .zip, .tar.gz), to see the faces of a report.", envvar="AGR_UTKFACE"
        ),
    ] = None,
    reports: Annotated[
        Path, typer.Option(help="A report, or a folder of them, for the Evaluation tab.", envvar="AGR_REPORTS")
    ] = REPORTS,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.", envvar="GRADIO_SERVER_NAME"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port; by default the first free one from 7860.", envvar="GRADIO_SERVER_PORT", min=1, max=65535
        ),
    ] = None,
) -> None:
    """Open the page: drop a photo, see every face with its age, gender and race."""
    from agr.memory import keep_freed_memory

    keep_freed_memory()  # before any of the rest starts a thread
    from agr.pictures import DataError, PictureSource
    from agr.pretrained import default_model
    from agr.ui.page import build_page, launch, reports_of
    from agr.ui.uploads import keep_swept, own_upload_folder

    _expect_free(host or "127.0.0.1", port)
    try:
        pictures = PictureSource(faces) if faces else None
    except DataError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if reports != REPORTS and not reports.is_dir():
        typer.echo(f"There is no folder {reports}. Expected a report, or a folder of them, as --reports.", err=True)
        raise typer.Exit(1)
    model = model or default_model()
    folder, analyzer = _load(model)
    # Visitors are not told where on the machine a folder lies.
    name = folder.name if folder and model and Path(model).is_dir() else model
    shown = reports_of(reports, model=folder if model else None, name=name)
    if reports != REPORTS and not shown:
        typer.echo(f"There is no report in {reports}. Expected a folder with a report.json, or one of such.", err=True)
    _end_tidily()
    try:
        uploads = own_upload_folder()
    except OSError as error:
        typer.echo(f"There is no place for uploads: {error.strerror}. GRADIO_TEMP_DIR names another folder.", err=True)
        raise typer.Exit(1) from error
    page = build_page(analyzer, shown, pictures)
    keep_swept(uploads, page)
    launch(page, server_name=host, server_port=port)


def _load(model: str | None) -> "tuple[Path | None, FaceAnalyzer | ModelError]":
    """The model's folder, and its analyzer or the error: the reports can be shown without a model."""
    from agr.analyzer import FaceAnalyzer
    from agr.config import ModelError
    from agr.pretrained import find_model

    folder = None
    try:
        folder = find_model(model)
        return folder, FaceAnalyzer.from_pretrained(folder)
    except ModelError as error:
        typer.echo(str(error), err=True)
        return folder, error


def _end_tidily() -> None:
    """Exit normally on signals: otherwise uploads would remain after a container is stopped or a terminal is closed."""
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_DFL:  # under nohup, SIGHUP stays ignored
            signal.signal(number, lambda *_: sys.exit(0))


def _expect_free(host: str, port: int | None) -> None:
    """Exit with a message if the page cannot listen there: Gradio would try for minutes, or print a traceback."""
    try:
        family, *_, place = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        socket.create_server(place[:2], family=family).close()
    except OSError as error:
        where = f"{host}, port {port}" if port else host
        typer.echo(f"The page cannot listen on {where}: {error.strerror}. Choose another --host or --port.", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
