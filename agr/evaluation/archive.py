"""A report as one file, to take home and to open again. What is opened may come from anywhere, so it has limits."""

import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from .report import COLUMNS, HISTORY_FILE, PREDICTIONS_FILE, REPORT_FILE, EvalReport, ReportError

MAX_ROWS = 200_000
MAX_FILE_BYTES = 100_000_000
_TEXT_COLUMNS = ["file", "true_gender", "true_race", "pred_age_group", "pred_gender", "pred_race"]
_LONGEST_TEXT = 300


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
                file = PurePosixPath(name).name
                if file in (REPORT_FILE, PREDICTIONS_FILE, HISTORY_FILE):
                    (Path(folder) / file).write_bytes(_read(archive, name))
            _check_size(Path(folder) / PREDICTIONS_FILE)
            return EvalReport.load(Path(folder))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ReportError(f"{path.name} is damaged and cannot be opened ({error}).") from error


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ReportError(f"{name} unpacks to more than {MAX_FILE_BYTES // 1_000_000} MB.")
    return content


def _check_size(path: Path) -> None:
    """Parquet may say a little that stands for very much: look before reading it whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, read_dictionary=_TEXT_COLUMNS) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise ReportError(f"{path.name} has {file.metadata.num_rows} rows; at most {MAX_ROWS} are opened here.")
            if file.metadata.num_columns > 2 * len(COLUMNS):
                raise ReportError(f"{path.name} has {file.metadata.num_columns} columns; expected {len(COLUMNS)}.")
            texts = file.read([name for name in _TEXT_COLUMNS if name in file.schema_arrow.names])
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError(f"{path.name} cannot be read: {error}") from error
    for column in texts.columns:
        for chunk in column.chunks:
            values = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
            if any(len(str(value)) > _LONGEST_TEXT for value in values.to_pylist()):
                raise ReportError(f"{path.name} holds texts of more than {_LONGEST_TEXT} characters.")
