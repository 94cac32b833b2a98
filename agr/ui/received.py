"""Checks that visitors name only files that they have uploaded, and keeps these while they are worked on."""

import os
import shutil
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder


def uploaded(path: object) -> str:
    """`path`, if it lies in the folder of this page's uploads. Raises gr.Error for everything else.

    Gradio checks only what is marked as a file in the request, and passes any other path through.
    """
    folder = os.path.realpath(get_upload_folder())
    try:
        inside = isinstance(path, str) and os.path.commonpath([folder, os.path.realpath(path)]) == folder
    except ValueError:  # a null byte, another drive
        inside = False
    if not inside:
        raise gr.Error("That file was not sent to this page. Send the photo itself.")
    return str(path)


def sent(payload) -> str | None:
    """Replaces a component's `preprocess`: the path of the uploaded file, which Gradio would otherwise open or copy."""
    return uploaded(payload.path) if payload else None


def all_sent(payload) -> list[str] | None:
    """The same for a component that takes several files."""
    return [uploaded(file.path) for file in payload] if payload else None


def held(paths: list[Path], folder: Path) -> list[Path]:
    """The same files under a second name in `folder`, which stay when the originals go: the page deletes uploads after
    minutes, and the work on them may take longer. Raises FileNotFoundError if one is gone already."""
    links = [folder / str(number) / path.name for number, path in enumerate(paths)]
    for path, link in zip(paths, links, strict=True):
        link.parent.mkdir()
        _link_or_copy(path, link)
    return links


def _link_or_copy(path: Path, link: Path) -> None:
    if os.name == "nt":  # an open file cannot be deleted there under any of its names
        shutil.copyfile(path, link)
        return
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links; if the file is gone, copying raises FileNotFoundError
        shutil.copyfile(path, link)
