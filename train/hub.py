"""Access to the Hugging Face Hub: login, files, single commits and tags, with errors in plain words."""

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from agr.pictures import DataError

from .files import files_in

Kind = Literal["model", "space"]
HTTPError: type[Exception] = HfHubHTTPError.__bases__[0]
"""Base error of the HTTP library that the client is built on: anything from a refused connection to a bad response."""
Operation = CommitOperationAdd | CommitOperationDelete
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MESSAGES = {
    401: "The Hub does not know this token: it is wrong or has expired. Make a new one with write access at "
    "{endpoint}/settings/tokens, then run `hf auth login` or set HF_TOKEN.",
    403: "This token may not write to {repo_id}. Use one with write access, or ask the owner of that name.",
    404: "There is no {repo_id} on the Hub, or this token may not see it.",
    409: "{repo_id} is being changed by someone else, or the name is taken. Run the command again.",
    412: "{repo_id} was changed by someone else meanwhile. Run the command again.",
    429: "The Hub asks to slow down. Wait some minutes and run the command again.",
}


class HubError(DataError):
    """Something could not be published; the message says why and what to do. No commit is left half done, though a tag
    may be missing."""


@dataclass(frozen=True)
class Published:
    """What is on the Hub now. `is_new`: whether this run made a commit; otherwise everything was already there."""

    url: str
    commit: str
    is_new: bool


class Hub:
    """Access for writing to the repository `repo_id` ("USER/NAME") of the type `repo_type` (model or space).

    Raises HubError if there is no valid token or, with `must_own`, if the name belongs to someone else.
    """

    def __init__(
        self, repo_id: str, *, repo_type: Kind = "model", must_own: bool = True, api: HfApi | None = None
    ) -> None:
        self.repo_id, self.repo_type, self.api = repo_id, repo_type, api or HfApi()
        check_name(repo_id)
        with self.as_hub_errors():
            who = self.api.whoami()
        mine = [who["name"], *(org["name"] for org in who.get("orgs", []))]
        if repo_id.split("/")[0] not in mine and must_own:
            raise HubError(
                f"You are logged in as {who['name']}, and {repo_id} is not yours: choose a name that starts with "
                f"{' or '.join(f'{name}/' for name in mine)}, or send a pull request."
            )

    def files(self, revision: str | None = None) -> set[str] | None:
        """Names of the files in the repository, at a branch, tag or commit; None if there is no such repository."""
        with self.as_hub_errors():
            if not self.api.repo_exists(self.repo_id, repo_type=self.repo_type):
                return None
            try:
                return set(self.api.list_repo_files(self.repo_id, repo_type=self.repo_type, revision=revision))
            except RevisionNotFoundError as error:
                raise HubError(f"{self.repo_id} has no revision {revision!r} on the Hub.") from error

    def commit(
        self,
        folder: Path,
        message: str,
        *,
        private: bool = False,
        pr: bool = False,
        stale: Collection[str] = (),
    ) -> Published:
        """Send everything in `folder` in one commit, whole or not at all. A missing repository is created first, and
        deleted again if the commit fails. Files that are already there are not uploaded again; those named in `stale`
        that are there but not in `folder` are deleted."""
        there = self.files()
        is_missing = there is None
        if is_missing and pr:
            raise HubError(f"There is no {self.repo_id} on the Hub to send a pull request to.")
        if private and not is_missing:
            self._check_private()
        operations = _operations(folder, (there or set()) & set(stale))
        try:
            with self.as_hub_errors():
                if is_missing:
                    sdk = "gradio" if self.repo_type == "space" else None
                    self.api.create_repo(self.repo_id, repo_type=self.repo_type, private=private, space_sdk=sdk)
                return self._commit(operations, message, pr)
        except BaseException as error:
            left = self._take_away() if is_missing else ""
            if left and isinstance(error, HubError):
                raise HubError(f"{error} {left}") from error
            raise

    def check_tag(self, name: str) -> None:
        """Raises HubError if `name` is not a valid tag, or already names another commit than the newest."""
        check_tag_name(name)
        if self.files() is None:
            return
        with self.as_hub_errors():
            newest = self.api.repo_info(self.repo_id, repo_type=self.repo_type).sha
            if self._tags().get(name, newest) != newest:
                raise HubError(f"{self.repo_id} has a tag {name} for another commit. Choose another --tag.")

    def tag(self, name: str, commit: str) -> None:
        """Tag a commit. An existing tag may stay if it names the same commit. Raises HubError if it names another."""
        with self.as_hub_errors():
            known = self._tags().get(name)
            if known == commit:
                return
            if known:
                raise HubError(
                    f"The commit {commit} is there, but {self.repo_id} has a tag {name} for another commit. Choose "
                    "another --tag and run the command again."
                )
            self.api.create_tag(self.repo_id, tag=name, revision=commit, repo_type=self.repo_type)

    def _tags(self) -> dict[str, str]:
        return {
            tag.name: tag.target_commit for tag in self.api.list_repo_refs(self.repo_id, repo_type=self.repo_type).tags
        }

    def _check_private(self) -> None:
        with self.as_hub_errors():
            if not self.api.repo_info(self.repo_id, repo_type=self.repo_type).private:
                raise HubError(
                    f"{self.repo_id} is public already. Make it private in its settings, or leave --private."
                )

    def _take_away(self) -> str:
        """Delete the repository that this run created, if it is still empty: if it holds anything, someone else created
        it in between, or our commit reached it after all. Returns what to tell the user if that fails."""
        made = {".gitattributes"} | ({"README.md"} if self.repo_type == "space" else set())
        try:
            if (self.files() or set()) - made:
                return ""
            self.api.delete_repo(self.repo_id, repo_type=self.repo_type, missing_ok=True)
        except Exception:  # the first error says what matters
            return f"An empty {self.repo_id} may have been left: delete it on {self.api.endpoint}."
        return ""

    def _commit(self, operations: list[Operation], message: str, pr: bool) -> Published:
        before = self.api.repo_info(self.repo_id, repo_type=self.repo_type).sha
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")  # the report's table
            done = self.api.create_commit(
                self.repo_id,
                operations,
                commit_message=message,
                repo_type=self.repo_type,
                parent_commit=before,
                create_pr=pr,
            )
        kind = "spaces/" if self.repo_type == "space" else ""
        url = done.pr_url or f"{self.api.endpoint}/{kind}{self.repo_id}"
        return Published(url, done.oid, is_new=done.oid != before)

    @contextmanager
    def as_hub_errors(self) -> Iterator[None]:
        """Convert whatever the client raises to HubError. The client's own messages may quote requests, so none of them
        is passed on unchanged."""
        try:
            yield
        except HubError:
            raise
        except (LocalTokenNotFoundError, OfflineModeIsEnabled) as error:
            raise HubError(self._without_login(error)) from error
        except (HTTPError, OSError, RuntimeError, ValueError) as error:
            raise HubError(self._message_of(error)) from error

    def _without_login(self, error: Exception) -> str:
        if isinstance(error, OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set, so the Hub cannot be reached. Unset it to publish."
        return (
            f"No Hugging Face token was found. Make one with write access at {self.api.endpoint}/settings/tokens, then "
            "run `hf auth login` or set HF_TOKEN."
        )

    def _message_of(self, error: BaseException) -> str:
        while isinstance(error, RuntimeError) and error.__cause__:  # an upload's error comes wrapped
            error = error.__cause__
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if status in MESSAGES:
            return MESSAGES[status].format(repo_id=self.repo_id, endpoint=self.api.endpoint)
        if isinstance(error, UnicodeError):
            return MESSAGES[401].format(endpoint=self.api.endpoint)
        if status is not None and 400 <= status < 500:
            return f"The Hub refuses this: {getattr(error, 'server_message', None) or 'bad request'}."
        if status is not None:
            return f"The Hub has a problem of its own (status {status}). Run the command again later."
        if isinstance(error, (HTTPError, OSError)):
            return (
                f"The connection to {self.api.endpoint} broke ({type(error).__name__}). Check the network and run the "
                "command again: what is uploaded already is not sent twice."
            )
        return f"{self.repo_id} could not be published: {error}"


def _operations(folder: Path, stale: set[str]) -> list[Operation]:
    files = files_in(folder)
    added = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=file) for name, file in files.items()]
    return [*added, *(CommitOperationDelete(path_in_repo=name) for name in sorted(stale - set(files)))]


def check_name(repo_id: str) -> None:
    """Raises HubError if `repo_id` is not USER/NAME in characters that the Hub allows."""
    try:
        validate_repo_id(repo_id)
        is_valid = repo_id.count("/") == 1
    except HFValidationError:
        is_valid = False
    if not is_valid:
        raise HubError(
            f"{repo_id!r} is not a name on the Hub. Expected USER/NAME of letters, digits, '-', '_' and '.', at most "
            "96 of them, such as anna/faces-small."
        )


def check_tag_name(name: str) -> None:
    """Raises HubError if the Hub does not allow a tag of that name."""
    if not _TAG.fullmatch(name) or ".." in name:
        raise HubError(f"{name!r} is no name of a tag. Expected letters, digits, '.', '-' and '_', such as v1.0.")
