"""ZeroGPU's package is not here: a stand-in records what it is asked for."""

import sys
from types import SimpleNamespace

from agr.ui.gpu import satisfy_zero_gpu


def test_zero_gpu_finds_the_function_that_it_asks_for(monkeypatch):
    marked = []
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=marked.append))
    satisfy_zero_gpu()
    assert [function() for function in marked] == [None]


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)
    satisfy_zero_gpu()
