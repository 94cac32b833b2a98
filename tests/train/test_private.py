import json
from pathlib import Path

import pytest

from agr.pictures import DataError
from train.private import check_private

ROOTS = (
    *("home", "root", "Users", "Volumes", "tmp", "work", "workspace", "scratch", "content"),
    *("kaggle", "srv", "mnt", "media", "data", "var", "opt", "private"),
)
SECRETS = ["hf_" + "a" * 16, "api_org_" + "a" * 34, *(f"/{root}/ann" for root in ROOTS), "file:///x", "~/a"]
SECRETS += ["C:\\a", "C:/Users/ann", "D:/data/x.jpg", "\\\\server\\share\\x"]


@pytest.mark.parametrize("value", [*SECRETS, [SECRETS[0]], {"a": [{SECRETS[0]: 1}]}])
def test_tokens_and_paths_are_found_wherever_they_stand(tmp_path, value):
    (tmp_path / "a.json").write_text(json.dumps({"x": value}))
    with pytest.raises(DataError, match=r"access token|path of this machine"):
        check_private(tmp_path / "a.json", "a.json")


@pytest.mark.parametrize("text", ["https://a.b/c", "see: a/b", "1:/", "12:30", "a\\b", "p:q", "at http://x.y:80/z"])
def test_other_things_are_no_paths(tmp_path, text):
    (tmp_path / "a.json").write_text(json.dumps([text]))
    check_private(tmp_path / "a.json", "a.json")


def test_a_home_of_one_folder_is_no_path_by_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/app")
    (tmp_path / "a.txt").write_text("see app/weights")
    check_private(tmp_path / "a.txt", "a.txt")


def test_the_folder_that_one_works_in_is_found(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("see /export/ann/faces/x")
    monkeypatch.setattr(Path, "cwd", lambda: Path("/export/ann/faces"))
    with pytest.raises(DataError, match="path of this machine"):
        check_private(tmp_path / "a.txt", "a.txt")
