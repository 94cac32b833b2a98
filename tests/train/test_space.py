"""The page as a Space: just its files, started from an empty folder."""

import os
import re
import subprocess
import sys
import time

import pytest
from gradio_client import Client, handle_file
from huggingface_hub import HfApi, RepoCard

from tests.conftest import ASTRONAUT, ROOT
from tests.hub import WRITE
from train.hub import HubError
from train.space import publish_space, stage_space


@pytest.fixture
def staged(tmp_path):
    folder = tmp_path / "space"
    folder.mkdir()
    return folder


def test_just_the_files_that_it_needs(staged):
    names = {name for name, _ in stage_space(staged, repo_id="ann/page")}
    assert {"app.py", "requirements.txt", "README.md", "agr/weights/model.safetensors", "agr/ui/style.css"} <= names
    assert "eval_reports/mobilenet_v2/report.json" in names
    foreign = ("tests/", "train/", "runs/", "bench/", "docs/", ".git", ".venv")
    assert not [name for name in names if name.startswith(foreign) or "__pycache__" in name or "/." in name]


def test_with_a_hub_model_the_weights_stay_behind_and_it_is_named(staged):
    names = {name for name, _ in stage_space(staged, repo_id="ann/page", model="ann/faces")}
    assert not [name for name in names if name.startswith("agr/weights/")]
    card = RepoCard.load(staged / "README.md")
    assert card.data.models == ["ann/faces"]
    assert card.text.strip() == RepoCard.load(ROOT / "README.md").text.strip()


def test_the_front_matter_is_a_spaces():
    data = RepoCard.load(ROOT / "README.md").data.to_dict()
    assert (data["sdk"], data["app_file"], data["license"]) == ("gradio", "app.py", "apache-2.0")
    assert re.fullmatch(r"\d+\.\d+\.\d+", data["sdk_version"])
    assert data["python_version"] in ("3.12.12", "3.10.13")  # what ZeroGPU runs
    assert len(data["short_description"]) <= 60
    required = (ROOT / "requirements.txt").read_text()
    low = re.search(r"gradio>=(\d+)\.(\d+)", required)
    assert tuple(map(int, low.groups())) <= tuple(map(int, data["sdk_version"].split(".")[:2]))


def test_one_commit_exact_and_told_which_model_to_use(hub, staged, tmp_path):
    api = HfApi(endpoint=hub.url, token=WRITE)
    stage_space(staged, repo_id="ann/page", model="ann/faces")
    done = publish_space(staged, "ann/page", model="ann/faces", api=api)
    repo = hub.repos["space", "ann/page"]
    assert done.url == f"{hub.url}/spaces/ann/page"
    assert len(repo.commits) == 2
    assert repo.variables == {"AGR_MODEL": "ann/faces"}
    assert not publish_space(staged, "ann/page", model="ann/faces", api=api).is_new

    bundled = tmp_path / "bundled"
    bundled.mkdir()
    stage_space(bundled, repo_id="ann/page")
    (bundled / "LICENSE").unlink()
    publish_space(bundled, "ann/page", api=api)
    assert repo.variables == {}
    assert "agr/weights/model.safetensors" in repo.commits[-1].files
    assert "LICENSE" not in repo.commits[-1].files
    assert len(repo.commits) == 3


def test_names_are_checked_first(staged):
    with pytest.raises(HubError, match="USER/NAME"):
        stage_space(staged, repo_id="ann/page", model="not a model")


@pytest.mark.slow
def test_it_starts_and_predicts_from_its_own_files(staged):
    """In an empty folder, with nothing of this tree on the path."""
    stage_space(staged, repo_id="ann/page")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AGR_", "PYTHON"))}
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "7983"],
        cwd=staged,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        client = _connected("http://127.0.0.1:7983", process)
        answer = client.predict(handle_file(str(ASTRONAUT)), api_name="/analyze")
        assert answer["faces"][0]["gender"] == "Female"
        assert "Evaluation" in str(client.config)
        assert "mobilenet_v2" in str(client.config)
    finally:
        process.kill()
        process.wait()


def _connected(url: str, process: subprocess.Popen) -> Client:
    for _ in range(120):
        try:
            return Client(url, verbose=False)
        except Exception:
            assert process.poll() is None, process.stdout.read().decode()
            time.sleep(1)
    raise AssertionError("the page did not start")
