"""A collection into a table: parts, claims, going on after a kill."""

import io
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from agr.collection import local_run
from agr.collection.analysis import analyze_collection
from agr.collection.folder import CLAIM_FILE, Counts, claim, claim_of, clear_away, unread_of
from agr.collection.listing import (
    UNFINISHED,
    CollectionError,
    Listing,
    listing_of,
    read_listing,
    write_listing,
    write_whole,
)
from agr.collection.local_run import encoded_by_cores
from agr.collection.part import Part, _encoded, completed, encoded_part
from agr.config import ModelError
from agr.images import ImageError
from agr.pretrained import BUNDLED
from agr.sources import Contents, Item, photos_of
from agr.table import COLUMNS
from tests.conftest import ROOT


class Nobody:
    """An analyzer that finds no face, and cannot read what is called bad."""

    def analyze_named(self, photos):
        for file, source in photos:
            yield file, ImageError("It is bad.") if "bad" in str(source) else []


@pytest.fixture
def photos(tmp_path, astronaut):
    """A folder with a face, one without, and a damaged one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    astronaut.save(folder / "a.jpg")
    astronaut.resize((20, 20)).save(folder / "b.png")
    (folder / "c.jpg").write_bytes(b"")
    return folder


@pytest.fixture
def begun(photos, monkeypatch):
    """Parts that one worker computes: the first is done, of one photo; the second, of thousands, is in work."""
    monkeypatch.setattr(local_run, "cores", lambda: 1)
    parts = [Part(i, tuple(Item("a", str(photos / "a.jpg")) for _ in range(1 + 2000 * i))) for i in range(4)]
    done = encoded_by_cores(Path("agr/weights"), iter(parts), lambda seen: None)
    assert next(done)[0] == 0
    yield done
    done.close()


@pytest.mark.slow
def test_who_stops_does_not_wait_for_parts_that_were_begun(begun):
    workers = multiprocessing.active_children()
    assert workers
    begun.close()
    for _ in range(200):  # the pool's own thread may have met a worker's end first, and not yet written it down
        if all(worker.exitcode is not None for worker in workers):
            return
        time.sleep(0.05)
    pytest.fail("a worker goes on")


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_the_run_with_a_sentence(begun):
    for worker in multiprocessing.active_children():
        worker.kill()
    with pytest.raises(CollectionError, match="Run the same command again to continue"):
        next(begun)


@pytest.mark.slow
def test_why_workers_cannot_begin_is_said(monkeypatch):
    monkeypatch.setattr(local_run, "cores", lambda: 1)
    with pytest.raises(ModelError, match="no/model"):
        next(encoded_by_cores(Path("no/model"), iter([Part(0, ())]), lambda seen: None))


def test_parts_hold_their_own_photos_and_every_photo_a_row():
    parts = [Part(4, tuple(Item(f"{i}", f"{i}") for i in range(5))), Part(9, (Item("x", "bad"), Item("y", "y")))]
    seen: list[None] = []
    contents = {part.number: encoded_part(Nobody(), Contents(), part, lambda: seen.append(None)) for part in parts}
    tables = {number: pd.read_parquet(io.BytesIO(content)) for number, content in contents.items()}
    assert {n: t["file"].tolist() for n, t in tables.items()} == {4: ["0", "1", "2", "3", "4"], 9: ["x", "y"]}
    assert tables[9]["error"].tolist()[0] == "It is bad."
    assert tables[9]["face"].isna().all()
    assert len(seen) == 7


def test_an_archive_is_opened_once_by_a_worker(tmp_path, photos, monkeypatch):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for i in range(6):
            archive.write(photos / "a.jpg", f"{i}.jpg")
    items = tuple(photos_of([tmp_path / "photos.zip"]))
    contents, opened, whole = Contents(), [], zipfile.ZipFile
    monkeypatch.setattr("agr.sources.zipfile.ZipFile", lambda path: opened.append(path) or whole(path))
    for number in range(3):  # as a worker gets them, one by one
        encoded_part(Nobody(), contents, Part(number, items[2 * number : 2 * number + 2]))
    assert len(opened) == 1


def test_relative_names_of_a_list_mean_other_photos_from_another_folder(photos, tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("a.jpg\n")
    digests = []
    for folder in (photos, tmp_path):
        monkeypatch.chdir(folder)
        digests.append(listing_of(photos_of([tmp_path / "list.txt"])).digest)
    assert digests[0] != digests[1]


def test_the_same_photos_may_be_named_from_another_folder(photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    assert listing_of(photos_of([Path(photos.name)])) == listing_of(photos_of([photos]))


def test_a_claim_that_could_not_be_written_does_not_stand_in_the_way(tmp_path):
    output = tmp_path / "faces.parquet"
    output.mkdir()
    (output / f"_{CLAIM_FILE}.new").write_bytes(b"{")
    (output / "_photos-1.arrow").write_bytes(b"an earlier run's")
    items = [Item("a", "/a"), Item("b", "/z.zip", "b"), Item("c", "/t\udcff.tar", (512, 9))]
    found = claim(output, items, {"inputs": [], "model": {"digest": "d"}})
    assert json.loads((output / CLAIM_FILE).read_text())["photos"] == {"photos": 3, "digest": found.digest}
    assert list(read_listing(output, found)) == items


@pytest.mark.parametrize(("digest", "is_refused"), [("mine", False), ("another", True)])
def test_a_run_that_was_overtaken_while_it_looked_for_photos_takes_no_claim_of_others(tmp_path, digest, is_refused):
    output, items = tmp_path / "faces.parquet", [Item("a", "/a"), Item("b", "/b")]
    facts = {"inputs": [], "model": {"digest": "mine", "name": "mine"}}

    def slowly():
        claim(output, items, {"inputs": [], "model": {"digest": digest, "name": digest}})
        yield from items

    if is_refused:
        with pytest.raises(CollectionError, match="another model or version"):
            claim(output, slowly(), facts)
    else:
        assert claim(output, slowly(), facts).photos == 2
    assert claim_of(output)["model"]["digest"] == digest


@pytest.mark.slow
def test_a_table_of_faces_and_of_what_had_none(run, photos, analyzer):
    output = photos.parent / "faces.parquet"
    done = run("analyze", photos, "--output", output)
    assert done.exit_code == 1
    assert "1 face in 3 photos" in done.stderr
    assert "1 of 3 file(s) could not be read" in done.stderr
    table = pd.read_parquet(output)
    assert list(table) == ["file", "face", *COLUMNS, "error"]
    assert table["file"].tolist() == [str(photos / name) for name in ("a.jpg", "b.png", "c.jpg")]
    assert table["face"].fillna(0).tolist() == [1, 0, 0]
    assert [isinstance(error, str) for error in table["error"]] == [False, False, True]
    (face,) = analyzer.analyze(photos / "a.jpg")
    assert table["age"][0] == pytest.approx(face.age, abs=0.02)  # cores share a single photo otherwise
    assert table["gender"][0] == face.gender


@pytest.mark.slow
def test_refused_with_a_sentence(run, photos, tmp_path):
    output = tmp_path / "faces.parquet"
    (tmp_path / "file.parquet").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing").write_text("x")
    assert run("analyze", photos / "a.jpg", "--output", output).exit_code == 0
    assert run("analyze", photos / "a.jpg", "--output", output).exit_code == 0  # nothing is left to do
    for args, message in [
        ((photos, "--output", output), "begun with other photos (1 of"),
        ((photos / "b.png", "--output", output), "begun with other photos"),
        ((photos, "--format", "parquet"), "--output"),
        ((photos, "--output", tmp_path / "file.parquet"), "is a file"),
        ((photos, "--output", tmp_path / "other", "--format", "parquet"), "is not a table"),
        ((photos, "--ray", "auto"), "--ray needs"),
        ((tmp_path / "other", "--output", tmp_path / "new.parquet"), "no photo in"),
        ((tmp_path / "nowhere", "--output", tmp_path / "new.parquet"), "There is no"),
        ((photos, "--retry"), "--retry needs"),
    ]:
        done = run("analyze", *args)
        assert (done.exit_code, message in done.output) == (1, True), done.output
        assert "Traceback" not in done.output
    assert len(pd.read_parquet(output)) == 1


@pytest.mark.slow
def test_another_model_is_refused(photos, tmp_path):
    from agr.collection import CollectionError

    analyze_collection([photos / "b.png"], tmp_path / "faces.parquet")
    claim = tmp_path / "faces.parquet" / CLAIM_FILE
    claim.write_text(claim.read_text().replace(json.loads(claim.read_text())["model"]["digest"], "another"))
    with pytest.raises(CollectionError, match="another model"):
        analyze_collection([photos / "b.png"], tmp_path / "faces.parquet")


@pytest.mark.slow
def test_archives_of_the_same_names_are_told_apart(run, photos, tmp_path):
    for output, content in (("one", b"x"), ("two", b"xy")):
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
            archive.writestr("a.jpg", content)
        done = run("analyze", tmp_path / "photos.zip", "--output", tmp_path / "faces.parquet")
        assert ("other photos" in done.output) == (output == "two")


@pytest.mark.slow
def test_killed_and_started_again_no_photo_is_lost_or_twice(astronaut, tmp_path):
    (tmp_path / "photos").mkdir()
    astronaut.crop((130, 20, 310, 220)).resize((90, 100)).save(tmp_path / "one.jpg")
    for number in range(300):
        os.link(tmp_path / "one.jpg", tmp_path / "photos" / f"{number:03d}.jpg")
    output = tmp_path / "faces.parquet"
    command = [sys.executable, "-m", "agr", "analyze", "photos", "--output", str(output)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not list(output.glob("part-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    early = {part: part.stat().st_mtime_ns for part in output.glob("part-*")}
    assert 1 <= len(early) < 12
    assert len(pd.read_parquet(output)) == sum(pq.read_metadata(part).num_rows for part in early)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "300/300" in done.stderr
    assert "photos/s" in done.stderr
    assert {part: part.stat().st_mtime_ns for part in early} == early  # what was done is not done again
    table = pd.read_parquet(output)
    assert sorted(table["file"]) == [f"photos/{number:03d}.jpg" for number in range(300)]
    listing = f"_photos-{claim_of(output)['photos']['digest']}.arrow"
    names = [CLAIM_FILE, listing, *(f"part-{i:05d}.parquet" for i in range(12))]
    left = [path.name for path in output.iterdir() if not path.name.endswith(UNFINISHED)]  # of the one that was killed
    assert sorted(left) == names
    assert not _workers_of(tmp_path)


def _workers_of(folder: Path) -> list[int]:
    """Processes that still stand in a folder: workers of a parent that was killed end too, a moment later."""
    for _ in range(100):
        left = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                left += [int(process.name)] if (process / "cwd").readlink() == folder else []
            except OSError:  # gone meanwhile, or not ours
                continue
        if not left:
            break
        time.sleep(0.1)
    return left


@pytest.fixture
def counted(monkeypatch):
    """Photos are listed, and not read."""
    monkeypatch.setattr("agr.collection.analysis._computed", lambda *_: iter(()))
    monkeypatch.setattr("agr.collection.analysis.counts_of", lambda _: Counts(3, 0, 3, 0))


def test_other_weights_under_the_same_name_are_another_model(photos, tmp_path, counted):
    shutil.copytree(BUNDLED, tmp_path / "model")
    analyze_collection([photos], tmp_path / "faces.parquet", model=str(tmp_path / "model"))
    path = tmp_path / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CollectionError, match="another model"):
        analyze_collection([photos], tmp_path / "faces.parquet", model=str(tmp_path / "model"))


@pytest.mark.slow
def test_photos_that_come_and_go_meanwhile_change_no_part(photos, tmp_path, monkeypatch):
    """A part that is done holds the photos that it is meant to hold, whatever is in the folder by then."""
    monkeypatch.setattr("agr.collection.analysis.LEAST_IN_PART", 1)
    output = tmp_path / "faces.parquet"
    whole = analyze_collection([photos], output)
    expected = pd.read_parquet(output)
    (output / "part-00001.parquet").unlink()
    (photos / "a.jpg").rename(tmp_path / "a.jpg")
    (photos / "b.png").rename(photos / "d.png")
    with pytest.raises(CollectionError, match=r"finished, with the 3 photos .* \(2 now\)"):
        analyze_collection([photos], output)
    assert pd.read_parquet(output)["file"].tolist() == expected["file"].tolist()
    (photos / "d.png").rename(photos / "b.png")
    (tmp_path / "a.jpg").rename(photos / "a.jpg")
    assert analyze_collection([photos], output).unreadable == 2  # the one that was away, and the one that is damaged
    assert analyze_collection([photos], output, retry=True) == whole
    assert pd.read_parquet(output).equals(expected)
    (output / "part-00000.parquet").write_bytes((output / "part-00001.parquet").read_bytes()[:0])
    with pytest.raises(CollectionError, match="is damaged"):
        analyze_collection([photos], output)


@pytest.mark.slow
def test_a_retry_takes_nothing_that_was_read(photos, tmp_path):
    output = tmp_path / "faces.parquet"
    analyze_collection([photos], output)
    before = pd.read_parquet(output)
    (photos / "a.jpg").rename(photos / "c.jpg")  # in place of the damaged one
    with pytest.raises(CollectionError, match=r"\(2 now\)"):
        analyze_collection([photos], output, retry=True)
    after = pd.read_parquet(output)
    assert after["file"].tolist() == before["file"].tolist()
    assert after[:2].equals(before[:2])
    assert after["age"].tolist()[2] == after["age"].tolist()[0]
    assert after["error"].isna().all()


@pytest.mark.slow
def test_a_part_of_something_else_is_noticed(photos, tmp_path):
    output = tmp_path / "faces.parquet"
    analyze_collection([photos], output)
    analyze_collection([photos / "a.jpg"], tmp_path / "other.parquet")
    shutil.copy(tmp_path / "other.parquet" / "part-00000.parquet", output)
    with pytest.raises(CollectionError, match="holds 1 photos where 3 are expected"):
        analyze_collection([photos], output)


def test_a_listing_that_is_damaged_is_said(tmp_path):
    for content in (None, b"", b"junk", b"\xff" * 100):
        if content is not None:
            (tmp_path / "_photos-d.arrow").write_bytes(content)
        with pytest.raises(CollectionError, match="missing or damaged"):
            list(read_listing(tmp_path, Listing(1, "d")))


def test_of_two_that_begin_a_table_at_once_each_finds_what_was_claimed(tmp_path):
    one, two = [Item("a", "/a")], [Item("a", "/a"), Item("b", "/b")]
    listings = [write_listing(items, tmp_path) for items in (one, two)]
    assert [list(read_listing(tmp_path, listing)) for listing in listings] == [one, two]


@pytest.mark.parametrize("photos", [3, {}, {"photos": 3}, {"photos": 3, "digest": "d", "more": 1}])
def test_a_claim_of_another_shape_is_refused(tmp_path, photos):
    said = {"format": 1, "photos": photos, "inputs": [], "model": {}}
    (tmp_path / CLAIM_FILE).write_text(json.dumps(said))
    with pytest.raises(CollectionError, match="is not a table"):
        claim_of(tmp_path)


def test_an_archive_that_is_damaged_leaves_nothing(tmp_path, run):
    (tmp_path / "photos.zip").write_bytes(b"junk")
    assert "damaged" in run("analyze", tmp_path / "photos.zip", "--output", tmp_path / "faces.parquet").output
    assert not (tmp_path / "faces.parquet").exists()


def test_a_part_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("agr.collection.listing.os.fsync", broken)
    with pytest.raises(CollectionError, match="Input/output error"):
        write_whole(tmp_path / "part-00000.parquet", b"half of it")
    assert not (tmp_path / "part-00000.parquet").exists()


def test_a_photo_that_is_listed_twice_is_tried_twice(tmp_path):
    """Of which one try failed, for a moment: both get new rows, and none is there three times."""
    part = Part(0, tuple(Item(name, name) for name in ("a", "b", "b", "c")))
    before = [{"file": "a"}, {"file": "b"}, {"file": "b", "error": "Later."}, {"file": "c"}]
    (tmp_path / "part.parquet").write_bytes(_encoded(before))
    files = unread_of(tmp_path / "part.parquet")
    again = part.only(files)
    assert [item.file for item in again.items] == ["b", "b"]
    done = completed(tmp_path / "part.parquet", _encoded([{"file": item.file} for item in again.items]))
    (tmp_path / "part.parquet").write_bytes(done)
    table = pd.read_parquet(tmp_path / "part.parquet")
    assert table["file"].tolist() == ["a", "b", "b", "c"]
    assert table["error"].isna().all()


def test_a_listing_of_several_batches_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("agr.collection.listing._AT_ONCE", 2)
    items = [Item(f"{i}", f"/{i}") for i in range(5)]
    listing = write_listing(items, tmp_path)
    assert listing == listing_of(items)
    assert listing.photos == 5
    assert list(read_listing(tmp_path, listing)) == items


def test_photos_at_other_places_of_an_archive_are_other_photos():
    one, two = (listing_of([Item("a", "/t.tar", (start, 9))]) for start in (512, 1024))
    assert one != two


def test_what_a_killed_run_left_goes_after_an_hour(tmp_path):
    old, young, ours = tmp_path / "_part.1.new", tmp_path / "_part.2.new", tmp_path / CLAIM_FILE
    for path in (old, young, ours):
        path.write_bytes(b"x")
    for path in (old, ours):
        os.utime(path, (0, time.time() - 3700))
    clear_away(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([young, ours])


@pytest.mark.slow
def test_who_goes_on_clears_away_what_was_left(photos, tmp_path):
    output = tmp_path / "faces.parquet"
    analyze_collection([photos / "b.png"], output)
    left = output / f"_part-00000.parquet.1{UNFINISHED}"
    left.touch()
    os.utime(left, (0, time.time() - 3700))
    assert analyze_collection([photos / "b.png"], output) == Counts(1, 0, 1, 0)
    assert not left.exists()


def test_one_path_is_not_taken_for_its_letters(tmp_path):
    with pytest.raises(TypeError, match="put it into a list"):
        analyze_collection("photos", tmp_path / "faces.parquet")
