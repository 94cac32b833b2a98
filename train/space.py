"""The page as a Hugging Face Space: just the files that it needs."""

import shutil
from pathlib import Path

from huggingface_hub import HfApi, RepoCard

from .hub import Hub, Published, check_name

ROOT = Path(__file__).parents[1]
FILES = ("app.py", "requirements.txt", "README.md", "LICENSE")
FOLDERS = ("agr", "eval_reports")
MODEL_VARIABLE = "AGR_MODEL"


def stage_space(folder: Path, *, repo_id: str, model: str | None = None) -> list[tuple[str, int]]:
    """Put the Space's files into `folder`; returns (name, bytes) of each.

    With a `model` of the Hub the bundled weights stay behind, and the README's front matter names it. Raises HubError
    for a name that is not allowed.
    """
    for name in (repo_id, *([model] if model else [])):
        check_name(name)
    for name in FILES:
        shutil.copyfile(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    if model:
        shutil.rmtree(folder / "agr" / "weights")
        card = RepoCard.load(folder / "README.md")
        card.data.models = [model]
        card.save(folder / "README.md")
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    return [(file.relative_to(folder).as_posix(), file.stat().st_size) for file in found]


def publish_space(
    folder: Path, repo_id: str, *, model: str | None = None, private: bool = False, api: HfApi | None = None
) -> Published:
    """Create or update the Space in one commit, and tell it which model to use. Raises HubError."""
    hub = Hub(repo_id, repo_type="space", api=api)
    done = hub.commit(folder, "The page", private=private, exact=True)
    with hub.plainly():
        if model:
            hub.api.add_space_variable(repo_id, MODEL_VARIABLE, model)
        elif MODEL_VARIABLE in hub.api.get_space_variables(repo_id):
            hub.api.delete_space_variable(repo_id, MODEL_VARIABLE)
    return done
