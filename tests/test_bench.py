"""That every benchmark starts: what they measure is too slow for a test."""

import importlib

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(file.stem for file in (ROOT / "bench").glob("*.py")))
def test_a_benchmark_finds_what_it_imports(name):
    importlib.import_module(f"bench.{name}")
