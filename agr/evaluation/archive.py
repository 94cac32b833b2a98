"""A report as one file, to download and to open again. As the file may come from anyone, its size is limited."""

import io
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..annotations import LONGEST_PATH
from .report import COLUMNS, HISTORY_FILE, PREDICTIONS_FILE, REPORT_FILE, EvalReport, ReportError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAX_ROWS = 50_000
"""Twice the size of UTKFace; takes some 30 MB of a session's memory."""
MAX_GROUPS, MAX_COLUMNS = 64, 100
"""Row groups and columns of the table of predictions; a report that was saved here has 1 and 27."""
MAX_BYTES = {REPORT_FILE: 2_000_000, PREDICTIONS_FILE: 30_000_000, HISTORY_FILE: 1_000_000}
"""Uncompressed size of each file."""
_TEXT_COLUMNS = ["file", "true_gender", "true_race", "pred_age_group", "pred_gender", "pred_race"]
_LONGEST_CLASS = 40


def pack(report: EvalReport) -> bytes:
    """The report's files as a zip."""
    buffer = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        report.save(Path(folder))
        for file in sorted(Path(folder).iterdir()):
            archive.write(file, file.name)
    return buffer.getvalue()


def unpack(path: Path) -> EvalReport:
    """Open what `pack` made. Raises ReportError if it is damaged, too large or no report."""
    try:
        with zipfile.ZipFile(path) as archive, TemporaryDirectory() as folder:
            for name in archive.namelist():
                file = Path(folder) / PurePosixPath(name).name
                if file.name in MAX_BYTES:
                    if file.exists():
                        raise ReportError(f"{path.name} holds {file.name} more than once.")
                    file.write_bytes(_read(archive, name, MAX_BYTES[file.name]))
            _check_table(Path(folder) / PREDICTIONS_FILE)
            return EvalReport.load(Path(folder))
    except ReportError as error:
        raise ReportError(str(error).replace(str(folder), path.name)) from error
    except Exception as error:  # damage in an archive raises nearly anything
        raise ReportError(f"{path.name} is damaged and cannot be opened ({error}).") from error


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ReportError(f"{name} unpacks to more than {most // 1_000_000} MB.")
    return content


def _check_table(path: Path) -> None:
    """Refuse a table that takes much more memory than its file, or holds what no report does. In Parquet few bytes can
    stand for very many values, so its metadata is checked before any of them are read, and then only the texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Opened here, so that it is closed even if it is damaged: Windows deletes no open file.
        with path.open("rb") as stream, pq.ParquetFile(stream, read_dictionary=_TEXT_COLUMNS) as file:
            _check_layout(file)
            _check_types(file.schema_arrow)
            texts = file.read([name for name in _TEXT_COLUMNS if name in file.schema_arrow.names])
    except ReportError:  # which is a ValueError too
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ReportError(f"{PREDICTIONS_FILE} cannot be read: {error}") from error
    _check_lengths(texts)


def _check_layout(file: "pq.ParquetFile") -> None:
    """Rows, columns and compression, from the metadata alone."""
    metadata, columns = file.metadata, len(file.schema_arrow)
    groups = [metadata.row_group(i) for i in range(min(metadata.num_row_groups, MAX_GROUPS + 1))]
    if len(groups) > MAX_GROUPS or columns > MAX_COLUMNS:
        raise ReportError(
            f"{PREDICTIONS_FILE} has {len(groups)} row groups and {columns} columns; at most {MAX_GROUPS} and "
            f"{MAX_COLUMNS} are opened here."
        )
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    if rows > MAX_ROWS:
        raise ReportError(f"{PREDICTIONS_FILE} has {rows} rows; at most {MAX_ROWS} are opened here.")
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    if any(chunk.compression != "UNCOMPRESSED" for chunk in chunks):
        raise ReportError(
            f"{PREDICTIONS_FILE} is compressed, so how much it unpacks to cannot be known. Save the report again with "
            "this version, which does not compress it, or give its folder to --reports."
        )


def _check_types(schema: "pa.Schema") -> None:
    for column in schema:
        if column.name in _TEXT_COLUMNS:
            if not _is_text(column.type):
                raise ReportError(f"{PREDICTIONS_FILE}: {column.name} holds other things than texts.")
        elif column.name in COLUMNS and not _is_number(column.type):
            raise ReportError(f"{PREDICTIONS_FILE}: {column.name} holds other things than numbers.")


def _is_number(kind: "pa.DataType") -> bool:
    from pyarrow import types

    checks = (types.is_floating, types.is_integer, types.is_boolean, types.is_null)
    return any(check(kind) for check in checks)


def _is_text(kind: "pa.DataType") -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)


def _check_lengths(texts: "pa.Table") -> None:
    import pyarrow as pa

    for name, column in zip(texts.column_names, texts.columns, strict=True):
        most = LONGEST_PATH if name == "file" else _LONGEST_CLASS
        for chunk in column.chunks:
            values = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
            if any(len(str(value)) > most for value in values.to_pylist()):
                raise ReportError(f"{PREDICTIONS_FILE}: {name} holds texts of more than {most} characters.")
