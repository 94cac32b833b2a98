import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agr.evaluation import archive as a
from agr.evaluation.archive import unpack
from agr.evaluation.report import PREDICTIONS_FILE, REPORT_FILE, ReportError


@pytest.fixture
def packed(report, tmp_path):
    path = tmp_path / "report.zip"
    path.write_bytes(a.pack(report))
    return path


def changed(packed, **contents: bytes):
    """The archive with other contents of some files."""
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | contents).items():
            archive.writestr(name, content)
    return packed


def parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, compression=None)
    return buffer.getvalue()


def test_a_report_goes_out_and_comes_back(report, packed):
    again = a.unpack(packed)
    pd.testing.assert_frame_equal(again.predictions, report.predictions, check_dtype=False)
    assert again.summary["figures"]["all"]["race_accuracy"] == report.summary["figures"]["all"]["race_accuracy"]
    assert again.history is not None


@pytest.mark.parametrize("name", [REPORT_FILE, PREDICTIONS_FILE])
@pytest.mark.parametrize("content", [b"", b"junk", b"[" * 100_000])
def test_damaged_parts_are_an_error(packed, name, content):
    with pytest.raises(ReportError):
        a.unpack(changed(packed, **{name: content}))


def test_what_is_no_zip_is_an_error(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK junk")
    with pytest.raises(ReportError, match="cannot be opened"):
        a.unpack(tmp_path / "x.zip")


def test_limits(packed, report, monkeypatch):
    monkeypatch.setattr(a, "MAX_ROWS", 10)
    with pytest.raises(ReportError, match="at most 10"):
        a.unpack(packed)
    monkeypatch.undo()
    monkeypatch.setattr(a, "MAX_BYTES", a.MAX_BYTES | {REPORT_FILE: 1000})
    with pytest.raises(ReportError, match="unpacks to more"):
        a.unpack(packed)


def test_a_little_parquet_that_stands_for_very_much_is_refused(packed, report):
    """One long text, said once in the file and meant for every row."""
    table = report.predictions.assign(file=pd.Categorical(["x" * 1_000_000] * len(report.predictions)))
    content = parquet(table)
    assert len(content) < 2_000_000
    with pytest.raises(ReportError, match="1000 characters"):
        a.unpack(changed(packed, **{PREDICTIONS_FILE: content}))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
@pytest.mark.parametrize("content", [b"PAR1", b"garbage" * 99, b"PAR1" + bytes(400) + b"PAR1"])
def test_no_file_of_a_damaged_report_stays_open(packed, content, monkeypatch):
    """Windows could not delete it."""
    left = []

    class Watched(TemporaryDirectory):
        def __exit__(self, *error):
            left.extend(link for fd in os.listdir("/proc/self/fd") if (link := _link(fd)).startswith(self.name))
            super().__exit__(*error)

    monkeypatch.setattr(a, "TemporaryDirectory", Watched)
    with pytest.raises(ReportError):
        a.unpack(changed(packed, **{PREDICTIONS_FILE: content}))
    assert not left


def _link(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def test_texts_of_a_fixed_size_and_many_row_groups_are_refused(packed, report):
    table = pa.Table.from_pandas(report.predictions, preserve_index=False)
    place = table.column_names.index("true_gender")
    fixed = pa.array([b"x" * 1000] * len(table), pa.binary(1000))
    buffer = io.BytesIO()
    pq.write_table(table.set_column(place, "true_gender", fixed), buffer, compression="none")
    with pytest.raises(ReportError, match="true_gender holds other things than texts"):
        a.unpack(changed(packed, **{PREDICTIONS_FILE: buffer.getvalue()}))
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, table.schema, compression="none") as writer:
        for _ in range(a.MAX_GROUPS + 1):
            writer.write_table(table.slice(0, 0))
    with pytest.raises(ReportError, match="65 row groups"):
        a.unpack(changed(packed, **{PREDICTIONS_FILE: buffer.getvalue()}))


def test_compressed_tables_are_refused(packed, report):
    buffer = io.BytesIO()
    report.predictions.to_parquet(buffer, compression="zstd")
    with pytest.raises(ReportError, match="is compressed"):
        a.unpack(changed(packed, **{PREDICTIONS_FILE: buffer.getvalue()}))


@pytest.mark.parametrize(
    "change", [{"figures": {"all": {"x": "<b>"}, "without_twins": {}}}, {"model": "m"}, {"figures": []}]
)
def test_a_foreign_summary_is_refused(packed, report, change):

    with zipfile.ZipFile(packed) as archive:
        summary = json.loads(archive.read(REPORT_FILE)) | change
    with pytest.raises(ReportError, match=r"report\.json"):
        a.unpack(changed(packed, **{REPORT_FILE: json.dumps(summary).encode()}))


def rezipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def test_a_report_in_a_folder_opens_and_two_do_not(report, tmp_path):
    with zipfile.ZipFile(io.BytesIO(a.pack(report))) as archive:
        inside = [(f"mine/{name}", archive.read(name)) for name in archive.namelist()]
        other = ("other/report.json", archive.read(REPORT_FILE))
    assert unpack(rezipped(tmp_path / "a.zip", inside)).summary == report.summary
    with pytest.raises(ReportError, match=r"report\.json more than once"):
        unpack(rezipped(tmp_path / "b.zip", [*inside, other]))


def test_what_is_said_of_an_archive_names_no_folder_of_the_machine(tmp_path):
    path = rezipped(tmp_path / "a.zip", [(REPORT_FILE, b"{"), (PREDICTIONS_FILE, b"x")])
    with pytest.raises(ReportError) as said:
        unpack(path)
    assert tempfile.gettempdir() not in str(said.value)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"compression": {"file": "none", "pred_age": "zstd"}}, "is compressed"),
        ({"pred_age": "x" * 100_000}, {"compression": None}, "other things than numbers"),
        ({"pred_race": "x" * 100_000}, {"compression": None}, "40 characters"),
    ],
)
def test_a_table_that_hides_much_in_one_column_is_refused(report, tmp_path, change, options, message):
    with zipfile.ZipFile(io.BytesIO(a.pack(report))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    report.predictions.assign(**change).to_parquet(buffer, **options)
    path = rezipped(tmp_path / "a.zip", (files | {PREDICTIONS_FILE: buffer.getvalue()}).items())
    with pytest.raises(ReportError, match=message):
        unpack(path)
