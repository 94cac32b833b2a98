"""Where a model comes from; the Hub is a server on this machine that speaks its protocol."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agr.config import ModelError
from agr.pretrained import BUNDLED, find_model
from tests.conftest import ROOT

FILES = {"config.json": b'{"hello": 1}', "model.safetensors": b"weights", "report/report.json": b"{}"}


@pytest.fixture
def served(hub):
    """One public model, ann/faces, tagged v1.0."""
    repo = hub.create("ann/faces")
    repo.tags["v1.0"] = repo.add("a model", FILES | {"secret.bin": b"not asked for"}).oid
    return hub


def find(repo: str, revision: str | None, *, endpoint: str, home: Path, offline: bool = False) -> str:
    """`find_model` in a process of its own, as huggingface_hub reads its settings once; its answer or its error."""
    code = (
        "import sys; from agr.pretrained import find_model; from agr.config import ModelError\n"
        "try: print(find_model(sys.argv[1], revision=sys.argv[2] or None))\n"
        "except ModelError as error: print('ModelError:', error)"
    )
    env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline)), "PATH": ""}
    command = [sys.executable, "-c", code, repo, revision or ""]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_the_bundled_model_and_a_folder(tmp_path):
    assert find_model() == BUNDLED
    assert find_model(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["nothing-here", "./no/such", "./runs/mine", "runs/mine/", "/no/such", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(ModelError, match="no folder"):
        find_model(name)


def test_a_path_is_never_looked_for_on_the_hub(monkeypatch):
    monkeypatch.setattr("agr.pretrained._from_hub", lambda *_: pytest.fail("it was"))
    with pytest.raises(ModelError, match="no folder"):
        find_model(Path("ann/faces"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_model_that_cannot_be_stored_is_no_trouble_of_the_network(monkeypatch, code):
    def full(*_, **__):
        raise OSError(code, os.strerror(code), "/cache")

    monkeypatch.setattr("agr.pretrained._snapshot", full)
    with pytest.raises(ModelError, match=f"cannot be stored in /cache: {os.strerror(code)}"):
        find_model("ann/faces")


def test_a_copy_without_a_model_says_which_folder_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr("agr.pretrained.BUNDLED", tmp_path / "weights")
    with pytest.raises(ModelError, match="weights"):
        find_model()


@pytest.mark.slow
def test_a_hub_model_is_downloaded_once_and_then_works_offline(served, tmp_path):
    folder = Path(find("ann/faces", "v1.0", endpoint=served.url, home=tmp_path))
    found = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    assert {name: file.read_bytes() for name, file in found.items()} == FILES
    # With the network gone, whether it is known to be gone or not.
    for offline in (True, False):
        assert find("ann/faces", "v1.0", endpoint="http://127.0.0.1:9", home=tmp_path, offline=offline) == str(folder)


@pytest.mark.slow
def test_a_pull_requests_model_is_had_as_publish_says(served, tmp_path):
    served.repos["model", "ann/faces"].add("a proposal", FILES | {"config.json": b"{}"}, as_pull=True)
    folder = Path(find("ann/faces@refs/pr/1", None, endpoint=served.url, home=tmp_path))
    assert (folder / "config.json").read_bytes() == b"{}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repo", "revision", "message"),
    [
        ("ann/other", None, "no Hub model ann/other"),
        ("ann/faces", "v9", "no revision 'v9'"),
        ("ann/faces@v9", None, "no revision 'v9'"),
        ("ann/faces@refs/pr/3", None, "no revision 'refs/pr/3'"),
        ("us er/x", None, "us er/x"),
    ],
)
def test_what_the_hub_does_not_have_is_named(served, tmp_path, repo, revision, message):
    answer = find(repo, revision, endpoint=served.url, home=tmp_path)
    assert answer.startswith("ModelError:")
    assert message in answer


def test_two_revisions_are_one_too_many():
    with pytest.raises(ModelError, match="names a revision already"):
        find_model("ann/faces@v1", revision="v2")


def test_a_folder_has_no_revisions(tmp_path):
    with pytest.raises(ModelError, match="Only a Hub model has revisions"):
        find_model(tmp_path, revision="v9")


@pytest.mark.slow
def test_a_hub_out_of_reach_is_said(tmp_path):
    answer = find("ann/faces", None, endpoint="http://127.0.0.1:9", home=tmp_path)
    assert answer.startswith("ModelError:")
    assert "cannot be reached" in answer


@pytest.mark.slow
@pytest.mark.parametrize("step", ["info", "resolve"])
def test_a_download_that_breaks_is_said_and_a_model_that_is_here_still_works(served, tmp_path, step):
    served.faults[step] = "drop"
    answer = find("ann/faces", "v1.0", endpoint=served.url, home=tmp_path)
    assert answer.startswith("ModelError:")
    served.faults.clear()
    folder = find("ann/faces", "v1.0", endpoint=served.url, home=tmp_path)
    served.faults[step] = "drop"
    assert find("ann/faces", "v1.0", endpoint=served.url, home=tmp_path) == folder
