"""The page as a Space: just its files, started from an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest
from gradio_client import Client, handle_file
from huggingface_hub import RepoCard

from agr.pictures import DataError
from tests.conftest import ASTRONAUT, ROOT
from train.files import files_in
from train.hub import HubError
from train.space import FILES, OF_THE_BUNDLED, OUR_REPORTS, publish_space, stage_space

pytestmark = pytest.mark.slow


@pytest.fixture
def staged(tmp_path):
    folder = tmp_path / "space"
    folder.mkdir()
    return folder


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of what a Space is made from, to add files to."""
    copy = tmp_path / "tree"
    for name in ("agr", "docs", "eval_reports"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for name in FILES:
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    monkeypatch.setattr("train.space.ROOT", copy)
    return copy


def test_just_the_files_that_it_needs(staged):
    stage_space(staged, repo_id="ann/page")
    names = files_in(staged).keys()
    assert {"app.py", "requirements.txt", "README.md", "agr/weights/model.safetensors", "agr/ui/style.css"} <= names
    assert "eval_reports/mobilenet_v2/report.json" in names
    assert {name for name in names if name.startswith("train/")} == {"train/README.md", "train/EXPERIMENTS.md"}
    assert {path.name for path in (ROOT / "eval_reports").iterdir()} >= set(OUR_REPORTS)
    for picture in re.findall(r"\]\((docs/[^)]+)\)", (ROOT / "README.md").read_text()):
        assert picture in names
    foreign = ("tests/", "runs/", "bench/", ".git", ".venv")
    assert not [name for name in names if name.startswith(foreign) or "__pycache__" in name or "/." in name]


def test_with_a_hub_model_the_weights_stay_behind_and_it_is_named(staged):
    stage_space(staged, repo_id="ann/page", model="ann/faces@v1.0")
    names = files_in(staged).keys()
    assert {name for name in names if name.startswith("agr/weights/")} == {
        "agr/weights/hub.txt",
        *("agr/weights/README.md", "agr/weights/LICENSE"),  # to which the README links, and the package
    }
    code = "from agr.pretrained import default_model; print(default_model())"
    done = subprocess.run([sys.executable, "-c", code], cwd=staged, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ann/faces@v1.0"
    card = RepoCard.load(staged / "README.md")
    assert card.data.models == ["ann/faces"]
    ours = RepoCard.load(ROOT / "README.md").text.strip()
    told = OF_THE_BUNDLED.format(model="ann/faces@v1.0", repo_id="ann/faces").strip()
    assert told in card.text
    assert card.text.replace(told, "").split() == ours.split()


def test_of_a_report_only_what_it_consists_of_goes_along(staged, tmp_path):
    report = tmp_path / "reports" / "mine"
    shutil.copytree(ROOT / "eval_reports" / "mobilenet_v2", report)
    (report / "face.jpg").write_bytes(b"a face")
    (report / "notes.json").write_text('{"token": "hf_abcdefghijklmnopqrst"}')
    stage_space(staged, repo_id="ann/page", reports=[report])
    names = files_in(staged).keys()
    found = {name for name in names if name.startswith("eval_reports/")}
    assert {name.split("/")[1] for name in found} == {*OUR_REPORTS, "mine"}
    assert {name for name in found if "/mine/" in name} == {
        f"eval_reports/mine/{name}" for name in ("report.json", "predictions.parquet", "history.csv")
    }
    with pytest.raises(DataError, match="two reports called mobilenet_v2"):
        stage_space(tmp_path, repo_id="ann/page", reports=[ROOT / "eval_reports" / "mobilenet_v2"])
    summary = (report / "report.json").read_text().replace('"UTKFace"', '"/home/ann/faces"')
    (report / "report.json").write_text(summary)
    shutil.rmtree(staged)
    staged.mkdir()
    with pytest.raises(DataError, match="path of this machine"):
        stage_space(staged, repo_id="ann/page", reports=[report])


def test_hidden_files_and_other_pictures_of_the_docs_stay_here(staged, tree):
    (tree / "agr" / ".env").write_text("SECRET=1")
    (tree / "docs" / ".DS_Store").write_bytes(b"\0\xff")
    (tree / "docs" / "me.jpg").write_bytes(b"a face")
    stage_space(staged, repo_id="ann/page")
    names = files_in(staged)
    assert "docs/page.png" in names
    assert "docs/me.jpg" not in names
    assert not [name for name in names if "/." in name]


@pytest.mark.parametrize("name", ["me.jpg", "ui/notes.csv", "ui/notes.odt"])
def test_what_is_no_part_of_the_page_is_named_and_not_sent(staged, tree, name):
    (tree / "agr" / name).write_bytes(b"a face")
    with pytest.raises(DataError, match=f"agr/{name} is none of the page's files"):
        stage_space(staged, repo_id="ann/page")


def test_texts_are_looked_through_for_tokens(staged, tree):
    (tree / "agr" / "ui" / "page.js").write_text("const token = 'hf_abcdefghijklmnopqrstuv';")
    with pytest.raises(DataError, match=r"ui/page\.js holds an access token"):
        stage_space(staged, repo_id="ann/page")


def test_the_front_matter_is_a_spaces():
    data = RepoCard.load(ROOT / "README.md").data.to_dict()
    assert (data["sdk"], data["app_file"], data["license"]) == ("gradio", "app.py", "other")
    assert re.fullmatch(r"\d+\.\d+\.\d+", data["sdk_version"])
    assert data["python_version"] in ("3.12.12", "3.10.13")  # what ZeroGPU runs
    assert len(data["short_description"]) <= 60
    required = (ROOT / "requirements.txt").read_text()
    low = re.search(r"gradio>=(\d+)\.(\d+)", required)
    assert tuple(map(int, low.groups())) <= tuple(map(int, data["sdk_version"].split(".")[:2]))


def test_one_commit_with_everything_and_nothing_else(hub, api, staged, tmp_path):
    hub.create("ann/faces").add("a model", {"config.json": b"{}", "model.safetensors": b"x"})
    stage_space(staged, repo_id="ann/page", model="ann/faces")
    done = publish_space(staged, "ann/page", model="ann/faces", private=True, api=api)
    repo = hub.repos["space", "ann/page"]
    assert repo.private
    assert done.url == f"{hub.url}/spaces/ann/page"
    assert len(repo.commits) == 2
    assert not publish_space(staged, "ann/page", model="ann/faces", api=api).is_new

    bundled = tmp_path / "bundled"
    bundled.mkdir()
    stage_space(bundled, repo_id="ann/page")
    publish_space(bundled, "ann/page", api=api)
    assert "agr/weights/model.safetensors" in repo.commits[-1].files
    assert "agr/weights/hub.txt" not in repo.commits[-1].files
    assert len(repo.commits) == 3


def test_another_app_is_not_wiped(hub, api, tmp_path):
    repo = hub.create("ann/game", "space")
    repo.add("a game", {"game.py": b"1"})
    with pytest.raises(HubError, match="another app"):
        publish_space(tmp_path, "ann/game", api=api)
    assert len(repo.commits) == 2


def test_a_model_that_the_space_could_not_load_is_refused(hub, api, tmp_path):
    with pytest.raises(HubError, match="no model ann/faces"):
        publish_space(tmp_path, "ann/page", model="ann/faces", api=api)
    repo = hub.create("ann/faces", private=True)
    repo.add("a model", {"config.json": b"{}", "model.safetensors": b"x"})
    with pytest.raises(HubError, match="private"):
        publish_space(tmp_path, "ann/page", model="ann/faces", api=api)
    repo.private = False
    with pytest.raises(HubError, match="v9"):
        publish_space(tmp_path, "ann/page", model="ann/faces@v9", api=api)
    assert ("space", "ann/page") not in hub.repos


def test_names_are_checked_first(staged):
    with pytest.raises(HubError, match="USER/NAME"):
        stage_space(staged, repo_id="ann/page", model="not a model")
    with pytest.raises(HubError, match="Publish it first"):
        stage_space(staged, repo_id="ann/page", model="agr/weights")


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
        assert "mobilenet_v2_stage1" in str(client.config)  # a report that the dashboard offers
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
