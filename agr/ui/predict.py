"""The photo tab: a photo in, boxes and a card for each face out."""

import zlib
from pathlib import Path

import gradio as gr
from PIL import Image

from agr.analyzer import Face, FaceAnalyzer
from agr.images import ImageError, load_photo
from agr.render import annotated

from .cards import ANNOUNCE, cards, data_uri, downloads, message
from .parts import fold, fold_slot, parts_html, problem
from .received import sent
from .scripts import script

PARTS = "photo-parts"
EXAMPLE = Path(__file__).parent / "examples" / "astronaut.jpg"

PURPOSE = (
    "An estimate from looks alone, with its uncertainty. It knows five races and two genders only because its training "
    "data (UTKFace) does, and is weaker for teenagers, for people labelled “Others” and for covered faces. Never use "
    "it to decide anything about a person. Photos are analyzed in memory, and their temporary copies deleted within "
    "minutes: save what you want to keep."
)
NO_FACE = "No face was found. A photo where faces are larger, sharper or more upright may do better."

GONE = "The photo is not on the server any more: drop it again."
TURNED = "The photo seems to be turned: the answers are those of upright faces."


def predict_tab(analyzer: FaceAnalyzer) -> None:
    """Lay out the tab inside the `gr.Blocks` that is being built, and connect it to `analyzer`."""

    def show(path: str | None) -> tuple[Image.Image | None, str, str, str]:
        return _shown(analyzer, path)

    def analyze(path: str | None) -> dict:
        """Every face of a photo, largest first: {"width", "height", "faces": [...]}, boxes in pixels of the upright
        photo."""
        return _result(analyzer, path)

    gr.Markdown(PURPOSE, elem_classes="agr-note")
    with gr.Row(elem_id="photo-row"):
        with gr.Column(min_width=300):
            photo = _photo_input(label="Photo", sources=["upload", "clipboard", "webcam"], height=420, elem_id="photo")
            gr.HTML(_example(), elem_id="example", apply_default_css=False)
        with gr.Column(min_width=300):
            boxed = gr.Image(
                label="Faces",
                show_label=False,  # it would cover part of the picture
                interactive=False,
                format="jpeg",
                height=420,
                elem_id="boxed",
                buttons=["download", "fullscreen"],
                alt_text="The photo with each face boxed and numbered",
            )
            status = gr.HTML(elem_id="status", js_on_load=ANNOUNCE)
            links = gr.HTML(elem_id="downloads")
        with gr.Column(min_width=300, elem_id="answers"):  # beside the photo, or below it if there are many faces
            found = gr.HTML(elem_id="cards", js_on_load=script("find_face.js"))
    fold_slot(PARTS, lambda keys, path: _parts(analyzer, keys, path), [photo])
    # Clear the answer to the photo before, which would stay if the answer to this one failed.
    photo.change(None, None, [status, links, found], js="() => ['', '', '']")
    # Only the last photo counts: a visitor who drops another one does not want to wait for the first.
    photo.change(
        show,
        photo,
        [boxed, status, links, found],
        trigger_mode="always_last",
        show_progress_on=[boxed],
        api_visibility="private",
        concurrency_id="analyze",
    ).then(None, js=script("show_answer.js"))

    with gr.Row(visible=False):  # the API: the same in one call
        received, answer = _photo_input(label="photo"), gr.JSON(label="faces")
        gr.Button().click(analyze, received, answer, api_name="analyze", concurrency_id="analyze")


def _shown(analyzer: FaceAnalyzer, path: str | None) -> tuple[Image.Image | None, str, str, str]:
    """Photo with boxes, sentence, download links, cards."""
    if path is None:
        return None, "", "", ""
    try:
        photo = load_photo(path)
    except ImageError as error:
        return None, message(_without(path, error), is_error=True), "", ""
    faces = analyzer.analyze(photo)
    picture = annotated(photo, faces)
    if not faces:
        return picture, message(NO_FACE), "", ""
    count = "1 face."
    if len(faces) > 1:
        count = f"{len(faces)} faces, the largest first. Click one in the picture for its answer."
    if 2 * sum(face.is_upright for face in faces) < len(faces):  # one person may lie in an upright photo
        count += " " + TURNED
    return picture, message(count), downloads(faces, photo, Path(path).stem), cards(faces, photo, _fold)


def _fold(face: Face) -> str:
    return fold(PARTS, _key(face))


def _key(face: Face) -> str:
    """Tells a face from others, also from those of the photo before."""
    return f"{zlib.crc32(face.crop.tobytes()):08x}"


def _parts(analyzer: FaceAnalyzer, keys: list[str], path: str | None) -> dict[str, str]:
    """What counts in each of the faces, or that the photo is gone, as HTML."""
    try:
        faces = {_key(face): face for face in analyzer.analyze(path)} if path else {}
    except ImageError:  # it was deleted: photos are not kept
        faces = {}
    answers = dict.fromkeys(keys, problem(GONE))
    for key in keys:
        if face := faces.get(key):
            answers[key] = parts_html(face.crop, analyzer.occlusion(face.crop))
    return answers


def _result(analyzer: FaceAnalyzer, path: str | None) -> dict:
    """The API's answer. Raises gr.Error."""
    if path is None:
        raise gr.Error("No photo was sent.")
    try:
        photo = load_photo(path)
    except ImageError as error:
        raise gr.Error(_without(path, error)) from error
    faces = [face.to_dict() for face in analyzer.analyze(photo)]
    return {"width": photo.width, "height": photo.height, "faces": faces}


def _example() -> str:
    """A photo to try, which page.js hands in as if it had been dropped. Gradio's own examples would replace the photo's
    component by another one, which opens uploaded files itself."""
    source = data_uri("image/jpeg", EXAMPLE.read_bytes())
    return (
        '<p class="agr-note">Try one: Eileen Collins, NASA, public domain</p>'
        f'<button type="button" class="agr-tile"><img src="{source}" alt="Eileen Collins" '
        f'data-name="{EXAMPLE.name}"></button>'
    )


def _photo_input(**options) -> gr.Image:
    """An image input that passes on the file as it was sent: `agr.images` gives better messages on what is wrong."""
    component = gr.Image(**options)
    component.preprocess = sent  # type: ignore[method-assign]
    # Gradio's text for programs offers an address, which this page does not open.
    said = component.api_info() | {"additional_description": "A local file; addresses are not opened."}
    component.api_info = lambda: said  # type: ignore[method-assign]
    component.example_payload = lambda: {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}  # type: ignore[method-assign]
    return component


def _without(path: str, error: ImageError) -> str:
    """The error's message without the path of the upload on the server."""
    return str(error).replace(str(path), Path(path).name)
