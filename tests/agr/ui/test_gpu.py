"""ZeroGPU's package is not here: a stand-in records what it is asked for."""

import importlib
import sys
from types import SimpleNamespace

import pytest

import agr.ui.gpu
from agr.images import ImageError

pytestmark = pytest.mark.slow


@pytest.fixture
def on_zero_gpu(monkeypatch):
    """The module as it is where `spaces` is installed; yields the names of the calls that asked for a GPU."""
    calls = []

    def gpu(duration):
        def mark(function):
            def marked(*args):
                calls.append(duration)
                return function(*args)

            return marked

        return mark

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    yield importlib.reload(agr.ui.gpu), calls
    monkeypatch.delitem(sys.modules, "spaces")
    importlib.reload(agr.ui.gpu)


def test_every_computation_asks_for_the_gpu(on_zero_gpu, analyzer, astronaut):
    module, calls = on_zero_gpu
    marked = module.PageAnalyzer(analyzer)
    (face,) = marked.analyze(astronaut)
    assert calls == [module.SECONDS]
    assert face.to_dict() == analyzer.analyze(astronaut)[0].to_dict()
    found = list(marked.analyze_many([astronaut, b"junk"] * 20))
    assert len(calls) == 1 + 3  # sixteen photos a call
    assert found[0][0].to_dict() == face.to_dict()
    assert isinstance(found[1], ImageError)


def test_elsewhere_nothing_changes(analyzer, astronaut):
    assert agr.ui.gpu.spaces is None
    assert agr.ui.gpu.on_gpu(len) is len
    page = agr.ui.gpu.PageAnalyzer(analyzer)
    assert page.analyze(astronaut)[0].to_dict() == analyzer.analyze(astronaut)[0].to_dict()
