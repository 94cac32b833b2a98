"""A report as one file, to take home and to open again. What is opened may come from anywhere, so it has limits."""

import io
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ..annotations import LONGEST_PATH
from .report import COLUMNS, HISTORY_FILE, PREDICTIONS_FILE, REPORT_FILE, EvalReport, ReportError

MAX_ROWS = 50_000
"""All of UTKFace twice; some 30 MB in a session's memory."""
MAX_GROUPS, MAX_COLUMNS = 64, 100
"""Of the table; a report has one and 28."""
MAX_BYTES = {REPORT_FILE: 2_000_000, PREDICTIONS_FILE: 30_000_000, HISTORY_FILE: 1_000_000}
"""Of each file, unpacked."""
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
            _check_size(Path(folder) / PREDICTIONS_FILE)
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


def _is_number(kind) -> bool:
    from pyarrow import types

    checks = (types.is_floating, types.is_integer, types.is_boolean, types.is_null)
    return any(check(kind) for check in checks)


def _is_text(kind) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)


def _check_size(path: Path) -> None:
    """Parquet may say a little that stands for very much: look before reading it whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Opened here, to be closed if it is damaged: Windows deletes no open file.
        with path.open("rb") as stream, pq.ParquetFile(stream, read_dictionary=_TEXT_COLUMNS) as file:
            groups = [file.metadata.row_group(i) for i in range(min(file.metadata.num_row_groups, MAX_GROUPS + 1))]
            rows = max(file.metadata.num_rows, sum(group.num_rows for group in groups))
            if len(groups) > MAX_GROUPS or len(file.schema_arrow) > MAX_COLUMNS:
                raise ReportError(
                    f"{path.name} has {len(groups)} row groups and {len(file.schema_arrow)} columns; at most "
                    f"{MAX_GROUPS} and {MAX_COLUMNS} are opened here."
                )
            if rows > MAX_ROWS:
                raise ReportError(f"{path.name} has {rows} rows; at most {MAX_ROWS} are opened here.")
            chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
            if any(chunk.compression != "UNCOMPRESSED" for chunk in chunks):
                raise ReportError(
                    f"{path.name} is compressed, so how much it unpacks to cannot be known. Save the report again with "
                    "this version, which does not compress it, or give its folder to --reports."
                )
            for column in file.schema_arrow:
                if column.name in COLUMNS and column.name not in _TEXT_COLUMNS and not _is_number(column.type):
                    raise ReportError(f"{path.name}: {column.name} holds other things than numbers.")
                if column.name in _TEXT_COLUMNS and not _is_text(column.type):
                    raise ReportError(f"{path.name}: {column.name} holds other things than texts.")
            texts = file.read([name for name in _TEXT_COLUMNS if name in file.schema_arrow.names])
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError(f"{path.name} cannot be read: {error}") from error
    for name, column in zip(texts.column_names, texts.columns, strict=True):
        most = LONGEST_PATH if name == "file" else _LONGEST_CLASS
        for chunk in column.chunks:
            values = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
            if any(len(str(value)) > most for value in values.to_pylist()):
                raise ReportError(f"{path.name}: {name} holds texts of more than {most} characters.")
