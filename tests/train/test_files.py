import json
import os
from errno import EACCES, ENOSPC

import pytest

from agr.pictures import DataError
from train.files import alone_in, claim_folder, content_hash_of, expect_nothing_else, write_atomically


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half(temporary):
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="No space left"):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new"


def test_whatever_ends_a_write_leaves_nothing(tmp_path):
    def broken(temporary):
        temporary.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", broken)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.txt"):
        content_hash_of(tmp_path / "gone.txt")


def test_a_folder_is_claimed_for_one_thing(tmp_path):
    claim = tmp_path / "claim.json"
    claim_folder(claim, {"size": 160, "at": "here"}, moved="at")
    claim_folder(claim, {"size": 160, "at": "there"}, moved="at")
    assert json.loads(claim.read_text()) == {"size": 160, "at": "there"}
    with pytest.raises(DataError, match="size 160 then, 128 now"):
        claim_folder(claim, {"size": 128, "at": "there"}, moved="at")


@pytest.mark.parametrize("content", ["[]", "{", "7"])
def test_a_damaged_claim_is_said(tmp_path, content):
    (tmp_path / "claim.json").write_text(content)
    with pytest.raises(DataError, match="is damaged"):
        claim_folder(tmp_path / "claim.json", {"size": 160})


@pytest.mark.parametrize(
    ("code", "said"), [(ENOSPC, "Free some space or choose"), (EACCES, "Permission denied\\). Choose")]
)
def test_space_is_asked_for_only_where_it_is_short(tmp_path, code, said):
    def write(path):
        raise OSError(code, os.strerror(code))

    with pytest.raises(DataError, match=said):
        write_atomically(tmp_path / "a", write)


def test_other_pictures_are_said_and_not_their_hash(tmp_path):
    claim_folder(tmp_path / "source.json", {"names": "0841d843", "size": 3})
    with pytest.raises(DataError, match="other settings: other pictures"):
        claim_folder(tmp_path / "source.json", {"names": "37f28116", "size": 3})


def test_what_killed_processes_left_goes_and_other_files_stay(tmp_path):
    (tmp_path / "best").mkdir()
    for name in ("checkpoint.pt.01234567.tmp", "best/model.safetensors.89abcdef.tmp", "mine.tmp"):
        (tmp_path / name).touch()
    expect_nothing_else(tmp_path, lambda path: path.name in ("best", "mine.tmp"))
    with alone_in(tmp_path):
        assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".lock", "mine.tmp"]
