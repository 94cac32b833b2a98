"""The page: python app.py [--model FOLDER_OR_HUB_ID] [--port 7860]. A Hugging Face Space starts it the same way."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def main(
    model: Annotated[
        str | None,
        typer.Option(help="A model folder or a Hugging Face Hub id; by default the bundled model.", envvar="AGR_MODEL"),
    ] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            help="Your own UTKFace (folder, .zip, .tar.gz), to see the faces of a report.", envvar="AGR_UTKFACE"
        ),
    ] = None,
    reports: Annotated[
        Path, typer.Option(help="A report, or a folder of them, for the Evaluation tab.", envvar="AGR_REPORTS")
    ] = Path(__file__).parent / "eval_reports",
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.", envvar="GRADIO_SERVER_NAME"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; by default the first free one from 7860.", envvar="GRADIO_SERVER_PORT")
    ] = None,
) -> None:
    """Open the page: drop a photo, see every face with its age, gender and race."""
    from agr.memory import keep_freed_memory

    keep_freed_memory()  # before any of the rest starts a thread
    from agr.analyzer import FaceAnalyzer
    from agr.config import ModelError
    from agr.evaluation.pictures import DataError, PictureSource
    from agr.pretrained import default_model, find_model
    from agr.ui.guard import keep_swept, own_upload_folder
    from agr.ui.page import build_page, launch, reports_of

    try:
        pictures = PictureSource(faces) if faces else None
    except DataError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    model = model or default_model()
    analyzer: FaceAnalyzer | ModelError
    folder = None
    try:
        folder = find_model(model)
        analyzer = FaceAnalyzer.from_pretrained(folder)
    except ModelError as error:  # the reports can be read without a model
        typer.echo(str(error), err=True)
        analyzer = error
    shown = reports_of(reports, model=folder if model else None, name=model)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # or what visitors sent would outlive a container's stop
    uploads = own_upload_folder()
    page = build_page(analyzer, shown, pictures)
    keep_swept(uploads, page)
    launch(page, server_name=host, server_port=port)


if __name__ == "__main__":
    typer.run(main)
