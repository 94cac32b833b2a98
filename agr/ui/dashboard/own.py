"""Evaluate your own: the page's model on a visitor's own labelled pictures; the report is kept in their session."""

import html
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr
from gradio.events import Dependency
from PIL import Image

from agr.analyzer import Face, FaceAnalyzer
from agr.annotations import twins_among
from agr.evaluation.archive import pack, unpack
from agr.evaluation.report import ReportError
from agr.images import ImageError, load_photo
from agr.pictures import content_hash
from agr.predictions import model_facts, predict, report_of, table_of

from ..cards import ANNOUNCE, count_of_faces, data_link, jpeg, message
from ..received import all_sent, held, uploaded
from ..scripts import focus
from .events import QUIET
from .look import OWN, Opened, Reports
from .upload import MAX_BYTES, MAX_PICTURE_BYTES, MAX_PICTURES, Upload, UploadError, is_report, open_upload

KEPT_SECONDS = 3600
_KEPT_SIDE = 160
"""Pixels of the thumbnails that the session keeps, some 9 KB each."""
_MOST_KEPT = 256
"""Pixels of a larger network's crops."""
_MOST_BAD = 50
_EVERY = 0.25
"""Seconds between two updates of the progress."""
GUIDE = (
    f"Up to {MAX_PICTURES:,} pictures, {MAX_BYTES // 1_000_000} MB unpacked, as files or in .zips of at most "
    f"{MAX_PICTURE_BYTES // 1_000_000} MB each; of several faces in one, the largest counts. Labels come from "
    "UTKFace's names (`age_gender_race_date.jpg`: gender 0 Male, 1 Female; race 0 White, 1 Black, 2 Asian, 3 Indian, "
    "4 Others) or from one CSV with the columns file, age, gender, race, of which one is enough. A report that was "
    "downloaded here opens again. All stays in your session: it is gone an hour later, or when the page is loaded "
    "anew. Save what you want to keep."
)


@dataclass
class Evaluation:
    """The evaluation that a session runs; `stop`: it should end."""

    stop: bool = False


@dataclass(frozen=True)
class OwnParts:
    """The components of this part of the tab."""

    files: gr.File
    start: gr.Button
    stop: gr.Button
    status: gr.HTML


def lay_out_own(*, is_open: bool) -> OwnParts:
    """Lay out an accordion, folded unless `is_open`, inside the `gr.Blocks` that is being built."""
    with gr.Accordion("Evaluate your own labelled faces", open=is_open, elem_id="own"):
        gr.Markdown(GUIDE, elem_classes="agr-note")
        files = gr.File(
            file_count="multiple", label="Pictures, .zip, .csv or a report", height=160, elem_id="own-files"
        )
        files.preprocess = all_sent  # type: ignore[method-assign]
        with gr.Row():
            start = gr.Button("Evaluate", variant="primary", elem_id="own-start")
            stop = gr.Button("Stop", interactive=False)
        status = gr.HTML(elem_id="own-status", min_height=80, apply_default_css=False, js_on_load=ANNOUNCE)
    return OwnParts(files, start, stop, status)


def connect_own(
    parts: OwnParts, analyzer: FaceAnalyzer, reports: Reports, own: gr.State, menus: list[gr.Dropdown]
) -> tuple[Dependency, gr.State]:
    """A click evaluates, keeps the report in the session (`own`), and offers it in the `menus` of reports: the one of
    the report that is shown, and the one to compare it with. Returns the last of these events, and a state that says
    whether there is a new report."""

    def evaluate(paths: list[str] | None, work: Evaluation, progress: gr.Progress = gr.Progress()) -> Iterator[tuple]:
        yield gr.skip(), "", False, gr.Button(interactive=True)
        for opened, said in evaluate_own(analyzer, reports, paths, work, progress):
            yield opened or gr.skip(), said or gr.skip(), opened is not None, gr.skip()
        yield gr.skip(), gr.skip(), gr.skip(), gr.Button(interactive=False)

    def stop_it(work: Evaluation) -> None:
        work.stop = True

    def offer(is_new: bool) -> tuple:
        """The visitor's report is among the choices, and chosen."""
        if not is_new:
            return gr.skip(), gr.skip()
        names = [*reports.folders, OWN]
        return gr.Dropdown(names, value=OWN), gr.Dropdown(names)

    # The status was about other files.
    parts.files.change(lambda: "", None, parts.status, **QUIET | {"concurrency_id": "own"})
    is_new, work = gr.State(False), gr.State(Evaluation())
    run = parts.start.click(
        evaluate, [parts.files, work], [own, parts.status, is_new, parts.stop], show_progress_on=[parts.status],
        api_visibility="private", concurrency_id="evaluate", concurrency_limit=1,
    )  # fmt: skip
    # Not Gradio's `cancels`, which waits until everything that the evaluation has reported so far is delivered.
    parts.stop.click(
        stop_it, work, None, js=focus("#own-start"), queue=False, show_progress="hidden", api_visibility="private"
    )
    return run.success(offer, is_new, menus, **QUIET), is_new


def evaluate_own(
    analyzer: FaceAnalyzer, reports: Reports, paths: list[str] | None, work: Evaluation, progress: gr.Progress
) -> Iterator[tuple[Opened | None, str]]:
    """Yields the report to keep in the session, if any, and a message; and (None, "") while it runs, so that Gradio can
    end it when the visitor leaves."""
    work.stop = False
    if not paths:
        yield None, message("Choose pictures, a .zip, or a report first.", is_error=True)
        return
    files = [Path(uploaded(path)) for path in paths]
    try:
        with TemporaryDirectory(dir=files[0].parent) as folder:
            yield from _answered(analyzer, reports, held(files, Path(folder)), work, progress)
    except FileNotFoundError:
        gone = "The files are no longer on the server: uploads are deleted after a few minutes. Choose them again."
        yield None, message(gone, is_error=True)
    except OSError as error:
        why = f"The evaluation could not go on: {error.strerror or error}. Try again later."
        yield None, message(why, is_error=True)


def _answered(
    analyzer: FaceAnalyzer, reports: Reports, files: list[Path], work: Evaluation, progress: gr.Progress
) -> Iterator[tuple[Opened | None, str]]:
    try:
        if len(files) == 1 and is_report(files[0]):
            report = unpack(files[0])
            yield (
                Opened(OWN, report, reports.find, reports.has_faces, is_own=True),
                message(f"Opened a report of {count_of_faces(len(report.predictions))}."),
            )
            return
        yield from _evaluated(analyzer, open_upload(files), work, progress)
    except (UploadError, ReportError) as error:
        yield None, message(str(error), is_error=True)


def _evaluated(
    analyzer: FaceAnalyzer, upload: Upload, work: Evaluation, progress: gr.Progress
) -> Iterator[tuple[Opened | None, str]]:
    kept: dict[str, bytes] = {}
    hashes: dict[str, str] = {}
    waiting: dict[str, bytes] = {}

    def pictures() -> Iterator[tuple[str, bytes]]:
        for file, content in upload.read():
            waiting[file] = content
            hashes[file] = content_hash(content)
            yield file, content

    rows, bad = [], list(upload.bad)
    said = 0.0
    for number, (row, result) in enumerate(predict(analyzer, pictures(), upload.labels), start=1):
        content = waiting.pop(row["file"])
        if isinstance(result, ImageError):
            bad.append((row["file"], str(result)))
        else:
            rows.append(row)
            kept[row["file"]] = _small(content, result)
        if work.stop:
            yield None, message("Stopped: nothing was evaluated.")
            return
        if time.monotonic() - said > _EVERY:
            said = time.monotonic()
            progress((number, len(upload)), desc="Evaluating", unit="pictures")
            yield None, ""
    if not rows:
        raise UploadError(f"None of the {len(upload)} pictures can be read. {bad[0][0]}: {bad[0][1]}")
    report = report_of(
        table_of(rows),
        name=OWN,
        model=model_facts(analyzer),
        data={"name": "your own pictures", "twins_of": twins_among(hashes, upload.labels)},
        history=None,
    )
    found = int(report.predictions["detected"].sum())
    text = message(f"{count_of_faces(len(rows))} evaluated, {found} detected, and shown below as the report “{OWN}”.")
    link = f'<div class="agr-downloads">{data_link("report.zip", "Download the report", pack(report))}</div>'
    yield (
        Opened(OWN, report, kept.get, is_own=True, has_crops=True),
        text + link + _listed(bad, upload.sent - len(rows)),
    )


def _small(content: bytes, found: list[Face]) -> bytes:
    """The thumbnail that the session keeps of a picture: the face as the network saw it, or the whole picture."""
    image = Image.fromarray(found[0].crop) if found else load_photo(content).rgb
    side = min(max(_KEPT_SIDE, image.width), _MOST_KEPT) if found else _KEPT_SIDE
    image.thumbnail((side, side))
    return jpeg(image, is_fine=True)


def _listed(bad: list[tuple[str, str]], left_out: int) -> str:
    """What was wrong, of pictures and of rows of the CSV, and how many of the pictures were left out."""
    if not bad:
        return ""
    lines = "".join(f"<li>{html.escape(file)}: {html.escape(reason)}</li>" for file, reason in bad[:_MOST_BAD])
    more = f"<li>and {len(bad) - _MOST_BAD} more</li>" if len(bad) > _MOST_BAD else ""
    pictures = "1 picture was" if left_out == 1 else f"{left_out} pictures were"
    title = f"{pictures} left out; what was wrong:" if left_out else "What was wrong:"
    return f"<details open><summary>{title}</summary><ul>{lines}{more}</ul></details>"
