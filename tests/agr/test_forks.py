"""In a forked process, what other threads held is free, and what they would have computed is computed."""

import multiprocessing
import os
import sys
import threading

import pytest

from agr import engine
from agr.forks import ForkSafeLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def in_a_child(function, *args):
    """The result of a call in a forked process."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(function(*args)))
    child.start()
    child.join(60)
    if hangs := child.is_alive():
        child.kill()
    assert not hangs
    assert child.exitcode == 0
    return answers.get()


def taken(lock) -> bool:
    with lock:
        return True


def test_a_lock_that_another_thread_holds_is_free():
    lock, held, over = ForkSafeLock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert in_a_child(taken, lock)
    finally:
        over.set()
        thread.join()


def computed() -> list[int]:
    engine.cores = lambda: 2
    found = engine.in_parallel(lambda item: item + 1, range(5))
    return [*found, engine._helpers()._work_queue.qsize(), engine._photos_in_work]


def test_nothing_waits_for_threads_that_are_gone(monkeypatch):
    monkeypatch.setattr(engine, "cores", lambda: 2)
    with engine.photo_in_work():
        engine.in_parallel(abs, [-1, 1])
        *found, waiting, in_work = in_a_child(computed)
    assert found == [1, 2, 3, 4, 5]
    assert (waiting, in_work) == (0, 0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, forks of processes with threads are not supported")
def test_an_analyzer_answers_in_a_child_while_its_parent_works(analyzer, astronaut):
    over = threading.Event()

    def work():
        while not over.is_set():
            analyzer.analyze(astronaut)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert in_a_child(lambda: [len(analyzer.analyze(astronaut)) for _ in range(3)]) == [1, 1, 1]
    finally:
        over.set()
        for thread in threads:
            thread.join()
