import sys

import pytest

import app


def test_the_heap_is_shared_before_anything_starts_a_thread(monkeypatch):
    """Threads that are there before get heaps of their own, which then hold what nobody needs."""
    told = []

    def load(model):
        told.append("model")
        sys.exit()  # far enough

    monkeypatch.setattr("agr.memory.keep_freed_memory", lambda: told.append("memory"))
    monkeypatch.setattr("agr.pretrained.find_model", load)
    with pytest.raises(SystemExit):
        app.main(model="somewhere", faces=None)
    assert told == ["memory", "model"]
