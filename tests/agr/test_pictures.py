import io
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from agr import pictures
from agr.pictures import DataError, PictureSource, content_hash, file_key

NAMES = ["26_1_2_20170116174525125.jpg.chip.jpg", "b/1_0_4_2017.png", "a/100_0_0_2016.webp"]


def test_every_copy_of_the_data_set_has_the_same_keys():
    copies = [
        "UTKFace/26_1_2_2017.jpg.chip.avif",
        "26_1_2_2017.jpg.chip.jpg",
        "x\\26_1_2_2017.jpg",
        "26_1_2_2017.jpg.chip",
    ]
    assert {file_key(path) for path in copies} == {"26_1_2_2017.jpg"}


def make(kind, tmp_path):
    contents = {name: name.encode() for name in NAMES} | {"notes.txt": b"x", "__MACOSX/._26_1_2_2017.jpg": b"x"}
    path = tmp_path / f"data{kind}"
    if kind == "":
        for name, content in contents.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    elif kind == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["", ".zip", ".tar.gz"])
def test_folder_zip_and_tar_hold_the_same_pictures(kind, tmp_path):
    source = PictureSource(make(kind, tmp_path))
    assert len(source) == 3
    assert dict(source.read()) == {name: name.encode() for name in NAMES}
    assert [name for name, _ in source.read()] == source.members


def test_what_is_no_source_is_named(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"junk")
    (tmp_path / "empty").mkdir()
    for path, message in (("nowhere", "There is no"), ("x.zip", "neither"), ("empty", "No picture")):
        with pytest.raises(DataError, match=message):
            PictureSource(tmp_path / path)


@pytest.mark.parametrize("kind", ["", ".zip", ".tar.gz"])
def test_one_picture_is_found_by_its_key(kind, tmp_path):
    source = PictureSource(make(kind, tmp_path))
    for name in reversed(NAMES):
        assert source.find(file_key(name)) == name.encode()
    assert source.find("26_1_2_1999.jpg") is None


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for place in ("faces/x/a.jpg", "faces/y/a.jpg.chip.jpg", "faces/yy/a.jpg"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(place.encode())
    source = PictureSource(tmp_path)
    for key, place in (("x/a.jpg", "faces/x/a.jpg"), ("faces/y/a.jpg", "faces/y/a.jpg.chip.jpg")):
        assert source.find(key) == place.encode()
    assert source.find("z/a.jpg") is None


def test_an_accent_is_one_however_it_is_written(tmp_path):
    (tmp_path / "Jose\u0301").mkdir()
    (tmp_path / "Jose\u0301" / "Jose\u0301.jpg").write_bytes(b"x")
    source = PictureSource(tmp_path)
    assert source.find("Jos\u00e9.jpg") == source.find("Jos\u00e9/Jos\u00e9.jpg") == b"x"


def test_a_picture_in_two_folders_counts_once(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / NAMES[0]).write_bytes(folder.encode())
    source = PictureSource(tmp_path)
    assert list(source.read()) == [(f"a/{NAMES[0]}", b"a")]
    assert source.find(file_key(NAMES[0])) == b"a"


@pytest.mark.parametrize("kind", [".zip", ".tar.gz", ".tar"])
def test_of_two_members_of_a_name_the_last_counts(kind, tmp_path):
    path = tmp_path / f"data{kind}"
    if kind == ".zip":
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for content in (b"old", b"new"):
                archive.writestr(NAMES[0], content)
    else:
        with tarfile.open(path, "w:gz" if kind == ".tar.gz" else "w") as archive:
            for content in (b"old", b"new"):
                member = tarfile.TarInfo(NAMES[0])
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    source = PictureSource(path)
    assert list(source.read()) == [(NAMES[0], b"new")]
    assert source.find(file_key(NAMES[0])) == b"new"


@pytest.mark.parametrize("kind", [".tar.gz", ".tar"])
def test_a_second_name_of_a_file_in_a_tar_is_a_picture_too(kind, tmp_path):
    (tmp_path / NAMES[0]).write_bytes(b"twin")
    (tmp_path / "27_1_2_2017.jpg").hardlink_to(tmp_path / NAMES[0])
    with tarfile.open(tmp_path / f"data{kind}", "w:gz" if kind == ".tar.gz" else "w") as archive:
        for name in (NAMES[0], "27_1_2_2017.jpg"):
            archive.add(tmp_path / name, name)
    source = PictureSource(tmp_path / f"data{kind}")
    assert dict(source.read()) == {NAMES[0]: b"twin", "27_1_2_2017.jpg": b"twin"}
    assert source.find("27_1_2_2017.jpg") == b"twin"


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2"])
def test_one_byte_of_damage_is_named_and_met_once(kind, tmp_path, monkeypatch):
    noise = np.random.default_rng(0).bytes(700_000)
    path = tmp_path / f"UTKFace.tar.{kind}"
    with tarfile.open(path, f"w:{kind}") as archive:
        for name in NAMES:
            member = tarfile.TarInfo(name)
            member.size = len(noise)
            archive.addfile(member, io.BytesIO(noise))
    data = bytearray(path.read_bytes())
    data[-5 if kind == "gz" else len(data) * 7 // 8] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"{kind} is damaged or cut off"):
        PictureSource(path).find(file_key(NAMES[0]))
    if kind != "gz":
        return  # not even its members could be listed
    source = PictureSource(path)
    for _ in range(2):
        with pytest.raises(DataError, match="damaged"):
            source.find(file_key(NAMES[0]))
        monkeypatch.setattr(pictures, "_plain_tar", None)


@pytest.mark.parametrize("kind", [".zip", ".tar.gz"])
def test_a_damaged_archive_is_named(kind, tmp_path):
    path = make(kind, tmp_path)
    data = bytearray(path.read_bytes())
    if kind == ".zip":
        data[45] ^= 0xFF  # in the first picture's content
    else:
        del data[len(data) * 2 // 3 :]
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        list(PictureSource(path).read())


def test_equal_pictures_have_equal_hashes():
    assert content_hash(b"a") == content_hash(b"a") != content_hash(b"b")


def test_what_was_deleted_or_made_by_the_system_is_no_picture(tmp_path):
    """The bins of Windows and the thumbnails of a NAS: the former come before every name that begins with a letter."""
    for folder in ("$RECYCLE.BIN", "@eaDir", "UTKFace"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "26_1_2_2017.jpg").write_bytes(folder.encode())
    source = PictureSource(tmp_path)
    assert source.members == ["UTKFace/26_1_2_2017.jpg"]
    assert source.find("26_1_2_2017.jpg") == b"UTKFace"
