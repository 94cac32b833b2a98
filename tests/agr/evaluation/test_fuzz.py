"""Whatever a report's files hold, it opens or a ReportError says why not."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agr.evaluation.archive import pack, unpack
from agr.evaluation.report import HISTORY_FILE, PREDICTIONS_FILE, REPORT_FILE, EvalReport, ReportError

pytestmark = pytest.mark.slow
EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), min_size=1, max_size=5
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MANY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def damaged(content: bytes, edits, keep: float) -> bytes:
    changed = bytearray(content)
    for place, new in edits:
        at = int(place * len(changed))
        changed[at : at + len(new)] = new
    return bytes(changed[: int(keep * len(changed))])


def opens_or_says_why(folder) -> None:
    try:
        report = EvalReport.load(folder)
    except ReportError:
        return
    assert len(report.predictions)


@pytest.fixture(scope="module")
def saved(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report.save(folder)
    return folder


@pytest.mark.parametrize("file", [REPORT_FILE, PREDICTIONS_FILE, HISTORY_FILE])
@MANY
@given(edits=EDITS, keep=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_damaged_files(saved, file, edits, keep):
    whole = (saved / file).read_bytes()
    try:
        (saved / file).write_bytes(damaged(whole, edits, keep))
        opens_or_says_why(saved)
    finally:
        (saved / file).write_bytes(whole)


@MANY
@given(path=st.lists(st.integers(0, 5), min_size=1, max_size=4), value=VALUES)
def test_a_summary_with_other_values_in_it(saved, path, value):
    whole = (saved / REPORT_FILE).read_text()
    values = json.loads(whole)
    at = values
    for step in path[:-1]:
        inner = [child for child in at.values() if isinstance(child, dict) and child]
        at = inner[step % len(inner)] if inner else at
    at[list(at)[path[-1] % len(at)]] = value
    try:
        (saved / REPORT_FILE).write_text(json.dumps(values))
        opens_or_says_why(saved)
    finally:
        (saved / REPORT_FILE).write_text(whole)


@MANY
@given(edits=EDITS, keep=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_damaged_archives(report, tmp_path, edits, keep):
    archive = tmp_path / "report.zip"
    archive.write_bytes(damaged(pack(report), edits, keep))
    try:
        unpacked = unpack(archive)
    except ReportError:
        return
    assert len(unpacked.predictions)
