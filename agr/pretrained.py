"""Where a model's files are: bundled with the package, in a folder, or on the Hugging Face Hub."""

import os
from errno import EACCES, ENOSPC, EROFS
from pathlib import Path

from .config import CONFIG_FILE, WEIGHTS_FILE, ModelError

BUNDLED = Path(__file__).parent / "weights"
REPORT_FOLDER = "report"
"""Folder of the evaluation report in a published model, for the dashboard."""
POINTER = "hub.txt"
"""File beside or instead of the bundled weights that holds the Hub id of the model to use in their place."""


def find_model(model: str | Path | None = None, *, revision: str | None = None) -> Path:
    """Folder with the files of `model`: the bundled one (None), a folder, or a Hub repository "USER/NAME" at
    `revision`, also written "USER/NAME@REVISION".

    A Hub model is downloaded once and cached. Raises ModelError, saying what to do, if the model is not available.
    """
    model = model or default_model() or BUNDLED
    folder, name = Path(model), str(model)  # a Hub id is not a path: paths may have other slashes
    if os.path.isdir(folder):  # Path.is_dir raises if access is denied
        if revision:
            raise ModelError(f"Only a Hub model has revisions, {folder} is a folder. Name a Hub id, or leave it out.")
        return folder
    repo_id, at = split_revision(name)
    if isinstance(model, Path) or repo_id.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(
            f"There is no folder {name}. "
            f"Expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}, or a Hub id USER/NAME or USER/NAME@REVISION."
        )
    if revision and at:
        raise ModelError(f"{name} names a revision already. Leave out {revision!r}.")
    return _from_hub(repo_id, revision or at)


def split_revision(name: str) -> tuple[str, str | None]:
    """ "USER/NAME@REVISION" -> ("USER/NAME", "REVISION"), or None if it names no revision."""
    repo_id, _, revision = name.partition("@")
    return repo_id, revision or None


def default_model() -> str | None:
    """The Hub id that stands in for the bundled model, if this copy names one."""
    pointer = BUNDLED / POINTER
    return pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None


def _from_hub(repo_id: str, revision: str | None) -> Path:
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # The connection errors of whichever HTTP library the client is built on.
    broken: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        return _snapshot(repo_id, revision)
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"There is no folder and no Hub model {repo_id}, or it is private. "
            "Check the name, or log in with `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"The Hub model {repo_id} has no revision {revision!r}.") from error
    except HFValidationError as error:
        raise ModelError(f"The Hub model {repo_id} cannot be loaded: {error}") from error
    except (broken, OSError, RuntimeError, UnicodeError) as error:
        try:  # a model that was downloaded before works without the Hub
            return _snapshot(repo_id, revision, local_files_only=True)
        except (broken, OSError, RuntimeError):
            if isinstance(error, OSError) and error.errno in (ENOSPC, EACCES, EROFS):
                raise ModelError(
                    f"The Hub model {repo_id} cannot be stored in {error.filename or 'the cache'}: {error.strerror}. "
                    "HF_HOME names another folder for it."
                ) from error
            raise ModelError(
                f"There is no folder {repo_id}, and the Hub cannot be reached to look there "
                f"({type(error).__name__}). Check the name or the network."
            ) from error


def _snapshot(repo_id: str, revision: str | None, **options) -> Path:
    from huggingface_hub import snapshot_download

    wanted = [CONFIG_FILE, WEIGHTS_FILE, f"{REPORT_FOLDER}/*"]
    return Path(snapshot_download(repo_id, revision=revision, allow_patterns=wanted, **options))
