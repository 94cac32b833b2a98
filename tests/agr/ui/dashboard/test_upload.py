"""What a visitor may send, and what is refused."""

import zipfile

import pytest

from agr.annotations import Labels
from agr.ui.dashboard import upload as u

PICTURE = b"\xff\xd8 not decoded here"


def packed(path, contents: dict[str, bytes], kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def test_pictures_by_the_data_sets_names_in_files_and_zips(tmp_path):
    (tmp_path / "5_0_1_2017.jpg").write_bytes(PICTURE)
    names = {"deep/26_1_2_2017.jpg.chip.jpg": PICTURE + b"2", "__MACOSX/._26_1_2_2017.jpg": b"x", "notes.txt": b"x"}
    upload = u.open_upload([tmp_path / "5_0_1_2017.jpg", packed(tmp_path / "a.zip", names)])
    assert upload.labels == {"5_0_1_2017.jpg": Labels(5, 0, 1), "26_1_2_2017.jpg": Labels(26, 1, 2)}
    assert dict(upload.read()) == {"5_0_1_2017.jpg": PICTURE, "26_1_2_2017.jpg": PICTURE + b"2"}
    assert len(upload) == 2
    assert [file for file, _ in upload.bad] == ["notes.txt"]


def test_a_csv_names_the_labels_with_any_of_them_missing(tmp_path):
    csv = b"\xef\xbb\xbfFile, AGE,race\nx/ann.jpg,41,asian\nbob.png,,2\ncid.jpg,7,Martian\ndan.jpg,3,\n"
    names = {"ann.jpg": PICTURE, "bob.png": PICTURE, "cid.jpg": PICTURE, "labels.csv": csv}
    upload = u.open_upload([packed(tmp_path / "a.zip", names)])
    assert upload.labels == {"ann.jpg": Labels(age=41, race=2), "bob.png": Labels(race=2), "cid.jpg": Labels(age=7)}
    reasons = dict(upload.bad)
    assert "no such picture" in reasons["dan.jpg"]
    assert "Martian" in reasons["cid.jpg"]
    assert (upload.sent, len(upload), len(upload.bad)) == (3, 3, 2)


def test_why_nothing_is_left_is_said(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "labels.csv").write_text("file,age\na.jpg,abc\n")
    with pytest.raises(u.UploadError, match=r"wrong: a\.jpg, in the CSV: age 'abc', expected years"):
        u.open_upload([tmp_path / "a.jpg", tmp_path / "labels.csv"])


@pytest.mark.parametrize(
    "name",
    ["../1_0_0_2017.jpg", "/etc/1_0_0_2017.jpg", "a/../../1_0_0_2017.jpg", "..\\1_0_0_2.jpg", "C:/1_0_0_2.jpg"],
)
def test_a_zip_that_leaves_its_folder_is_refused(tmp_path, name):
    with pytest.raises(u.UploadError, match="would leave its folder"):
        u.open_upload([packed(tmp_path / "a.zip", {name: PICTURE})])


def test_an_archive_in_an_archive_is_refused(tmp_path):
    with pytest.raises(u.UploadError, match="another archive"):
        u.open_upload([packed(tmp_path / "a.zip", {"1_0_0_2017.jpg": PICTURE, "more.ZIP": b"PK"})])


def test_a_bomb_is_refused_and_never_unpacked(tmp_path, monkeypatch):
    packed(tmp_path / "a.zip", {"1_0_0_2017.jpg": bytes(20_000_000)}, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *a, **k: pytest.fail("it was unpacked"))
    with pytest.raises(u.UploadError, match="times its weight"):
        u.open_upload([tmp_path / "a.zip"])


def test_a_member_that_is_larger_than_it_says_is_empty(tmp_path):
    path = packed(tmp_path / "a.zip", {"1_0_0_2017.jpg": b"x" * 5000})
    content = path.read_bytes().replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    path.write_bytes(content)
    assert [len(content) <= 50 for _, content in u.open_upload([path]).read()] == [True]


def test_limits_are_said(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.zip", {f"1_0_0_{i}.jpg": PICTURE for i in range(3)})
    monkeypatch.setattr(u, "MAX_PICTURES", 2)
    with pytest.raises(u.UploadError, match="At most 2"):
        u.open_upload([path])
    monkeypatch.undo()
    monkeypatch.setattr(u, "MAX_BYTES", 10)
    with pytest.raises(u.UploadError, match="unpacks to more than"):
        u.open_upload([path])


def test_what_cannot_be_used_says_so(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(u.UploadError, match="not a zip"):
        u.open_upload([tmp_path / "a.rar"])
    (tmp_path / "portrait.jpg").write_bytes(PICTURE)
    with pytest.raises(u.UploadError, match="No labelled picture"):
        u.open_upload([tmp_path / "portrait.jpg"])
    (tmp_path / "cut.zip").write_bytes(packed(tmp_path / "b.zip", {"1_0_0_2017.jpg": PICTURE}).read_bytes()[:-10])
    with pytest.raises(u.UploadError, match=r"not a zip|damaged"):
        u.open_upload([tmp_path / "cut.zip"])


def test_a_picture_with_damaged_bytes_is_read_as_empty(tmp_path):
    path = packed(tmp_path / "a.zip", {"1_0_0_2017.jpg": PICTURE * 50}, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[60:64] = b"\0\0\0\0"
    path.write_bytes(content)
    assert [content for _, content in u.open_upload([path]).read()] == [b""]


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path):
    csv = b"file,age\nanna/1.jpg,7\nbob/1.jpg,70\ncid/2.jpg,30\n2.jpg,40\n"
    names = ["x/anna/1.jpg", "x/bob/1.jpg", "x/2.jpg", "x/eve/2.jpg"]
    upload = u.open_upload([packed(tmp_path / "a.zip", {n: n.encode() for n in names} | {"labels.csv": csv})])
    assert upload.labels == {"anna/1.jpg": Labels(age=7), "bob/1.jpg": Labels(age=70)}
    assert dict(upload.read()) == {"anna/1.jpg": b"x/anna/1.jpg", "bob/1.jpg": b"x/bob/1.jpg"}
    assert "several pictures fit" in dict(upload.bad)["2.jpg"]
    assert "no such picture" in dict(upload.bad)["cid/2.jpg"]


def test_a_label_of_another_folder_is_nobodys(tmp_path):
    files = {"anna/1.jpg": PICTURE, "2_0_0_2017.jpg": PICTURE, "labels.csv": b"file,age\nbob/1.jpg,70\n"}
    upload = u.open_upload([packed(tmp_path / "a.zip", files)])
    assert list(upload.labels) == ["2_0_0_2017.jpg"]


def test_two_pictures_of_one_place_are_one_and_a_complaint(tmp_path):
    for name in ("a.zip", "b.zip"):
        packed(tmp_path / name, {"a/1_0_0_2017.jpg": PICTURE})
    upload = u.open_upload([tmp_path / "a.zip", tmp_path / "b.zip"])
    assert len(upload) == 1
    assert "second picture" in upload.bad[0][1]


def test_a_report_is_known_by_what_is_in_it(tmp_path):
    assert u.is_report(packed(tmp_path / "r.zip", {"report.json": b"{}"}))
    assert not u.is_report(packed(tmp_path / "p.zip", {"1_0_0_2017.jpg": PICTURE}))
    (tmp_path / "x.zip").write_bytes(b"junk")
    assert not u.is_report(tmp_path / "x.zip")


def test_more_than_one_csv_is_one_too_many(tmp_path):
    path = packed(tmp_path / "a.zip", {"a.jpg": PICTURE, "one.csv": b"file,age\na.jpg,3\n", "two.csv": b""})
    with pytest.raises(u.UploadError, match=r"2 CSV files \(one\.csv, two\.csv"):
        u.open_upload([path])


def test_no_table_is_read_where_there_are_too_many(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.zip", {f"{i}.csv": b"x" for i in range(300)})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *a, **k: pytest.fail("one was read"))
    with pytest.raises(u.UploadError, match="300 CSV files"):
        u.open_upload([path])


def test_an_archive_is_opened_once_for_all_its_pictures(tmp_path, monkeypatch):
    path = packed(tmp_path / "a.zip", {f"1_0_0_{i}.jpg": PICTURE + bytes([i]) for i in range(30)})
    (tmp_path / "2_0_0_1.bmp").write_bytes(PICTURE)
    upload, opened = u.open_upload([path, tmp_path / "2_0_0_1.bmp"]), []
    whole = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: opened.append(path) or whole(path))
    read = dict(upload.read())
    assert read == {f"1_0_0_{i}.jpg": PICTURE + bytes([i]) for i in range(30)} | {"2_0_0_1.bmp": PICTURE}
    assert opened == [path]


def test_a_csv_without_end_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(u, "MAX_TABLE_BYTES", 30)
    for rows, fits in ((b"a.jpg,3\n", True), (b"a.jpg,3\n" * 3, False)):
        path = packed(tmp_path / "a.zip", {"a.jpg": PICTURE, "labels.csv": b"file,age\n" + rows})
        if fits:
            assert u.open_upload([path]).labels == {"a.jpg": Labels(age=3)}
            continue
        with pytest.raises(u.UploadError, match=r"labels\.csv has more than"):
            u.open_upload([path])


def test_names_and_archives_without_end_are_refused(tmp_path, monkeypatch):
    longest = "1_0_0_2017" + "x" * (u.LONGEST_NAME - 14) + ".jpg"
    upload = u.open_upload([packed(tmp_path / "a.zip", {longest: PICTURE, "x" + longest: PICTURE})])
    assert list(upload.labels) == [longest]
    assert upload.bad[0][1] == "a name of more than 200 characters"
    monkeypatch.setattr(u, "MAX_MEMBERS", 1)
    with pytest.raises(u.UploadError, match="holds 2 files; at most 1"):
        u.open_upload([tmp_path / "a.zip"])


def test_a_locked_archive_says_so(tmp_path):
    path = packed(tmp_path / "a.zip", {"1_0_0_2017.jpg": PICTURE})
    content = bytearray(path.read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # general purpose flags, APPNOTE.TXT 4.3
        content[content.index(magic) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(u.UploadError, match="locked with a password"):
        u.open_upload([path])
