import io
import json
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from agr.images import ImageError
from agr.sources import Contents, Item, SourceError, photos_of

PICTURES = {"a.jpg": b"first", "deep/b.PNG": b"second", "deep/deeper/c.webp": b"third"}
OTHERS = {
    ".hidden.jpg": b"x",
    ".thumbnails/a.jpg": b"x",
    "deep/.bin/b.png": b"x",
    "notes.md": b"x",
    "deep/__MACOSX/._b.png": b"x",
}
TARS = ("tar", "tar.gz", "tgz", "tar.bz2", "tbz2", "tar.xz", "txz")


KINDS = {"tar": "", "tgz": "gz", "tbz2": "bz2", "txz": "xz"}


def archived(path: Path, members: dict[str, bytes]) -> Path:
    """The members in a new zip or tar, by the path's ending."""
    ending = path.name.split(".", 1)[1]
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, f"w:{KINDS.get(ending, ending.removeprefix('tar.'))}") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def packed(tmp_path):
    """The same pictures as a folder and in every kind of archive, by ending."""
    for name, content in (PICTURES | OTHERS).items():
        file = tmp_path / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    for ending in ("zip", *TARS):
        archived(tmp_path / f"photos.{ending}", PICTURES | OTHERS)
    return tmp_path


def read(contents: Contents, item: Item) -> bytes:
    source = contents.source(item)
    assert not isinstance(source, ImageError), source
    return source if isinstance(source, bytes) else Path(source).read_bytes()


@pytest.mark.parametrize("name", ["folder", "photos.zip", *(f"photos.{ending}" for ending in TARS)])
def test_every_picture_is_found_and_read_in_any_order(packed, name):
    items, contents = list(photos_of([packed / name])), Contents()
    assert [item.file for item in items] == [str(packed / name / file) for file in PICTURES]
    assert [read(contents, item) for item in items] == list(PICTURES.values())
    assert [read(contents, item) for item in reversed(items)] == list(PICTURES.values())[::-1]


def test_a_list_names_paths_and_what_is_missing_stays_in_it(packed, monkeypatch):
    monkeypatch.chdir(packed)
    Path("list.txt").write_text("\ufefffolder/a.jpg\r\n\nclip.MP4\nnowhere.jpg\n", encoding="utf-8")
    items = list(photos_of([Path("list.txt"), Path("folder/deep/b.PNG")]))
    assert [item.file for item in items] == ["folder/a.jpg", "nowhere.jpg", "folder/deep/b.PNG"]
    assert [item.path for item in items] == [str(packed / item.file) for item in items]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_may_be_written_on_windows(tmp_path, encoding):
    (tmp_path / "list.txt").write_text("m\u00fcller.jpg\r\nb.jpg\r\n", encoding=encoding)
    assert [item.file for item in photos_of([tmp_path / "list.txt"])] == ["m\u00fcller.jpg", "b.jpg"]


@pytest.mark.parametrize("content", [b"\xff\xfea", b"\xff\xfe\x00\xd8a\x00"])
def test_a_damaged_list_is_named(tmp_path, content):
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(SourceError, match=r"list\.txt cannot be read"):
        list(photos_of([tmp_path / "list.txt"]))


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_second_name_of_a_file_in_a_tar_is_a_photo_too(packed, ending):
    folder = packed / "folder"
    (folder / "z.jpg").hardlink_to(folder / "a.jpg")
    with tarfile.open(packed / f"linked.{ending}", "w:gz" if ending == "tar.gz" else "w") as archive:
        for name in ("a.jpg", "deep/b.PNG", "z.jpg"):
            archive.add(folder / name, name)
    items, contents = list(photos_of([packed / f"linked.{ending}"])), Contents()
    assert [read(contents, item) for item in items] == [b"first", b"second", b"first"]


def test_links_in_circles_end(packed):
    (packed / "folder" / "again").symlink_to(packed / "folder")
    assert len(list(photos_of([packed / "folder"]))) == len(PICTURES)


def test_folders_that_a_file_system_does_not_number_are_searched_all(packed, monkeypatch):
    stat = os.stat

    def unnumbered(path, *args, **options):
        return os.stat_result((stat(path, *args, **options).st_mode, 0, *[0] * 8))

    expected = list(photos_of([packed / "folder"]))
    monkeypatch.setattr("agr.sources.os.stat", unnumbered)
    assert list(photos_of([packed / "folder"])) == expected
    (packed / "folder" / "again").symlink_to(packed / "folder")
    assert list(photos_of([packed / "folder"])) == expected


@pytest.mark.parametrize("name", ["$RECYCLE.BIN", "System Volume Information", "@eaDir", ".thumbnails"])
def test_what_was_deleted_and_thumbnails_are_passed_over(tmp_path, name):
    for folder in (tmp_path, tmp_path / name / "S-1-5"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.jpg").write_bytes(b"x")
    assert [item.file for item in photos_of([tmp_path])] == [str(tmp_path / "a.jpg")]


def test_a_link_to_itself_is_named_and_the_others_are_found(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "z.jpg").write_bytes(b"x")
    assert [Path(item.path).name for item in photos_of([tmp_path])] == ["loop", "z.jpg"]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_may_not_be_read_is_named(packed, kind, monkeypatch):
    module = {"zip": zipfile, "tar": tarfile}[kind]

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, {"zip": "ZipFile", "tar": "open"}[kind], refused)
    with pytest.raises(SourceError, match=f"photos.{kind} cannot be read: Permission denied"):
        list(photos_of([packed / f"photos.{kind}"]))


def test_a_folder_that_is_linked_to_is_searched_once(packed, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "e.jpg").write_bytes(b"x")
    for name in ("linked", "once more"):
        (packed / "folder" / name).symlink_to(elsewhere)
    found = [item.file for item in photos_of([packed / "folder"])]
    assert found == [str(packed / "folder" / file) for file in (*PICTURES, "linked/e.jpg")]


def test_names_that_are_no_text_can_be_printed_and_opened(tmp_path):
    file = tmp_path / b"\xff.jpg".decode(errors="surrogateescape")
    file.write_bytes(b"x")
    (item,) = photos_of([tmp_path])
    assert item.file.endswith(r"\udcff.jpg")
    json.dumps(item.file).encode()
    assert read(Contents(), item) == b"x"


@pytest.mark.parametrize("name", ["photos.tar.gz", "photos.tar.xz", "photos.zip", "photos.tar"])
def test_a_damaged_archive_is_named(packed, name):
    whole = (packed / name).read_bytes()
    (packed / name).write_bytes(whole[: len(whole) // 2] if name != "photos.tar" else b"no tar at all")
    with pytest.raises(SourceError, match=f"{name} is damaged"):
        list(photos_of([packed / name]))


def test_whatever_is_wrong_with_a_zips_directory_is_said(packed):
    """It can raise OSError, BadZipFile, UnicodeDecodeError, NotImplementedError, IndexError, ..."""
    whole = (packed / "photos.zip").read_bytes()
    damaged = packed / "damaged.zip"
    refused = 0
    for place in range(whole.index(b"PK\x01\x02"), len(whole)):
        for value in (0x00, 0x80, 0xFF):
            damaged.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                list(photos_of([damaged]))
            except SourceError:
                refused += 1
    assert refused > 100


def test_a_damaged_member_is_one_error(packed):
    content = (packed / "photos.zip").read_bytes()
    (packed / "photos.zip").write_bytes(content.replace(b"second", b"secxnd"))
    first, second, third = (Contents().source(item) for item in photos_of([packed / "photos.zip"]))
    assert (first, third) == (b"first", b"third")
    assert isinstance(second, ImageError)
    assert "b.PNG" in str(second)


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_a_bomb_is_refused(tmp_path, ending, monkeypatch):
    monkeypatch.setattr("agr.sources.MAX_FILE_BYTES", 1000)
    items = list(photos_of([archived(tmp_path / f"bomb.{ending}", {"a.jpg": bytes(100_000), "b.jpg": bytes(1000)})]))
    bomb, whole = map(Contents().source, items)
    assert isinstance(bomb, ImageError)
    assert "At most" in str(bomb)
    assert whole == bytes(1000)


def test_a_long_tar_is_not_held(tmp_path):
    with tarfile.open(tmp_path / "long.tar", "w") as archive:
        for number in range(3000):
            archive.addfile(tarfile.TarInfo(f"{number}.jpg"))
    tracemalloc.start()
    count = sum(1 for _ in photos_of([tmp_path / "long.tar"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3000
    assert peak < 500_000  # some 3 MB when members are kept


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_in_a_folder_is_passed_over_and_a_broken_link_is_not(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "gone.jpg")
    assert [Path(item.path).name for item in photos_of([tmp_path])] == ["b.jpg"]


def test_what_a_tar_leaves_out_is_not_read_as_if_it_were_there(tmp_path):
    """As tar -S packs it: only the parts that are not empty, and where they lie (GNU's PAX format 1.0)."""
    parts = f"1\n{512}\n{5}\n".encode().ljust(512, b"\0") + b"photo".ljust(512, b"\0")
    member = tarfile.TarInfo("a.jpg")
    member.size = len(parts)
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "2000"}
    member.pax_headers["GNU.sparse.name"] = "a.jpg"
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(parts))
    (item,) = photos_of([tmp_path / "a.tar"])
    assert "without tar's -S" in str(Contents().source(item))


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_photos_of_two_archives_come_from_their_own(tmp_path, ending):
    paths = [archived(tmp_path / f"{name}.{ending}", {"1.jpg": name.encode()}) for name in ("one", "two")]
    items, contents = list(photos_of(paths)), Contents()
    assert [contents.source(item) for item in (*items, items[0])] == [b"one", b"two", b"one"]


def test_only_one_archive_is_open_at_a_time(tmp_path):
    contents, opened = Contents(), []
    for item in photos_of([archived(tmp_path / f"{i}.zip", {"1.jpg": b"x"}) for i in range(3)]):
        contents.source(item)
        opened.append(contents._open)
    assert [archive.fp is None for archive in opened] == [True, True, False]


def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    scan = os.scandir

    def refused(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("agr.sources.os.scandir", refused)
    assert [Path(item.path).name for item in photos_of([tmp_path])] == ["a.jpg", "deep"]


def test_links_of_a_tar_that_lead_nowhere_are_passed_over(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("a.jpg", tarfile.REGTYPE), ("b.jpg", tarfile.LNKTYPE), ("c.jpg", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "gone.jpg"
            archive.addfile(member)
    assert [Path(item.file).name for item in photos_of([tmp_path / "a.tar"])] == ["a.jpg"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_gives_each_photo_once_and_no_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("d.jpg/", "a.jpg", "a.jpg"):
            archive.writestr(name, b"" if name.endswith("/") else b"x")
    assert [Path(item.file).name for item in photos_of([tmp_path / "a.zip"])] == ["a.jpg"]


@pytest.mark.parametrize("name", ["PHOTOS.ZIP", "Photos.Tar"])
def test_endings_of_archives_may_be_in_capitals(tmp_path, name):
    path = archived(tmp_path / f"x{Path(name).suffix.lower()}", {"a.jpg": b"x"}).rename(tmp_path / name)
    assert [item.file for item in photos_of([path])] == [f"{path}/a.jpg"]


def test_a_tar_that_became_shorter_is_told(tmp_path):
    (item,) = photos_of([archived(tmp_path / "a.tar", {"a.jpg": b"photo"})])
    os.truncate(tmp_path / "a.tar", 514)
    assert "shorter" in str(Contents().source(item))


def test_an_archive_with_a_relative_name_is_read_from_another_folder_too(tmp_path, monkeypatch):
    archived(tmp_path / "a.zip", {"a.jpg": b"x"})
    monkeypatch.chdir(tmp_path)
    (item,) = photos_of([Path("a.zip")])
    monkeypatch.chdir("/")
    assert (item.file, Contents().source(item)) == ("a.zip/a.jpg", b"x")
