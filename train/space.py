"""Publish the page as a Hugging Face Space, with only the files that it needs."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, RepoCard

from agr.config import CONFIG_FILE, WEIGHTS_FILE
from agr.evaluation.report import EvalReport
from agr.pictures import DataError
from agr.pretrained import POINTER, split_revision

from .files import files_in
from .hub import Hub, HubError, Published, check_name
from .private import check_private

ROOT = Path(__file__).parents[1]
FILES = ("app.py", "requirements.txt", "README.md", "LICENSE", "train/README.md", "train/EXPERIMENTS.md")
PICTURES = ("docs/page.png", "docs/groups.png")
ENDINGS = (".py", ".typed", ".css", ".js", ".md", ".json", ".onnx", ".safetensors")
"""File extensions in agr/ that belong to the page."""
NAMES = ("LICENSE", "hub.txt", "astronaut.jpg")
"""Files in agr/ with other extensions that belong to the page."""
REPORTS = "eval_reports"
OUR_REPORTS = ("mobilenet_v2", "mobilenet_v2_stage1", "densenet121", "mobile_facenet")
"""Reports that come with the project; any others may be about somebody's own photos."""
OF_THE_BUNDLED = """
> This page loads the weights of the model [{model}](https://huggingface.co/{repo_id}) from the Hub when it starts.
> What is said below, of figures and of files, is said of the project and of the model that comes with it.
"""
_OURS = "agr/ui/page.py"
_FRESH = {".gitattributes", "README.md"}


def stage_space(folder: Path, *, repo_id: str, model: str | None = None, reports: Sequence[Path] = ()) -> None:
    """Collect the Space's files in `folder`.

    The project's own reports are included, and those in the folders `reports`, each with only a report's own files.
    With a `model` on the Hub (USER/NAME or USER/NAME@REVISION) the bundled weights are left out; a file in their place
    names the model, and so does the README. Raises HubError for a name that is not allowed, ReportError for a damaged
    report, DataError if a file contains a token or a path of this machine.
    """
    check_name(repo_id)
    used, _ = split_revision(model or "")
    if model:
        _check_model_name(model)
    for name in (*FILES, *PICTURES):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "agr", folder / "agr", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name, file in files_in(folder / "agr").items():
        if file.suffix not in ENDINGS and file.name not in NAMES:
            raise DataError(f"agr/{name} is none of the page's files, and would be published. Take it away.")
    names = [*OUR_REPORTS, *(report.resolve().name for report in reports)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DataError(f"There are two reports called {', '.join(sorted(twice))}. Rename the folder of one.")
    for report in (*(ROOT / REPORTS / name for name in OUR_REPORTS), *reports):
        EvalReport.load(report).save(folder / REPORTS / report.resolve().name)
    if model:
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            (folder / "agr" / "weights" / name).unlink()
        (folder / "agr" / "weights" / POINTER).write_text(model + "\n", encoding="utf-8")
        card = RepoCard.load(folder / "README.md")
        card.data.models = [used]
        title, _, rest = card.text.lstrip().partition("\n")
        card.text = title + "\n" + OF_THE_BUNDLED.format(model=model, repo_id=used) + rest
        card.save(folder / "README.md")
    for name, file in files_in(folder).items():
        check_private(file, name)


def publish_space(
    folder: Path, repo_id: str, *, model: str | None = None, private: bool = False, api: HfApi | None = None
) -> Published:
    """Create or update the Space in one commit; files that are there but not in `folder` are deleted. Raises HubError,
    also if the Space holds another app or there is no such model for the Space to load."""
    hub = Hub(repo_id, repo_type="space", api=api)
    there = hub.files() or set()
    if _OURS not in there and there - _FRESH:
        raise HubError(f"The Space {repo_id} holds another app. Choose another name.")
    if model:
        _check_model(hub.api, model)
    return hub.commit(folder, "The page", private=private, stale=there - {".gitattributes"})


def _check_model_name(model: str) -> None:
    if Path(model).exists():
        raise HubError(
            f"{model} is a folder here. Publish it first (python -m train publish), then name it USER/MODEL."
        )
    check_name(split_revision(model)[0])


def _check_model(api: HfApi, model: str) -> None:
    repo_id, revision = split_revision(model)
    hub = Hub(repo_id, must_own=False, api=api)
    missing = {CONFIG_FILE, WEIGHTS_FILE} - (hub.files(revision) or set())
    if missing:
        raise HubError(f"There is no model {model} on the Hub that the page could load: {', '.join(sorted(missing))}.")
    with hub.as_hub_errors():
        if api.model_info(repo_id).private:
            raise HubError(f"The model {model} is private: the Space could not load it. Make it public first.")
