import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agr import engine
from agr.engine import GraphError, Network, expected_tensors
from agr.mtcnn import load_weights
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def weights():
    return load_weights()["pnet"]


def test_a_network_computes(weights):
    network = Network("pnet", weights)
    scores, corrections = network(picture=np.zeros((20, 30, 3), np.uint8))
    assert scores.shape == (5, 10)
    assert corrections.shape == (4, 5, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("conv1.bias"), "conv1.bias is missing"),
        (lambda w: w.update({"conv1.bias": np.zeros(9)}), r"expected conv1.bias of shape \(10,\), got \(9,\)"),
        (lambda w: w.update({"conv1.bias": np.full(10, np.nan)}), "conv1.bias holds values that are no numbers"),
        (lambda w: w.update({"conv1.bias": np.array(["x"] * 10)}), "conv1.bias"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, change, message):
    wrong = dict(weights)
    change(wrong)
    with pytest.raises(GraphError, match=message):
        Network("pnet", wrong)


def test_backbones_are_the_graphs_that_are_not_the_detectors():
    assert engine.backbones() == (
        "densenet121",
        "face_resnet",
        "mobile_facenet",
        "mobilenet_v2",
        "tf_efficientnet_lite2",
    )
    assert expected_tensors("mobilenet_v2")["heads.race.weight"] == (5, 1280)


@pytest.mark.parametrize(("limit", "expected"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_containers_limit_counts(monkeypatch, tmp_path, limit, expected):
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(engine, "CPU_LIMIT", tmp_path / "cpu.max")
    monkeypatch.setattr(engine.os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert engine.cores.__wrapped__() == expected


@pytest.mark.parametrize(("chosen", "expected"), [("1", 1), ("3", 3), ("64", 4), ("0", 1), ("-2", 1)])
def test_fewer_cores_than_there_are_may_be_chosen(monkeypatch, tmp_path, chosen, expected):
    monkeypatch.setattr(engine, "CPU_LIMIT", tmp_path / "none")
    monkeypatch.setattr(engine.os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setenv("AGR_CORES", chosen)
    assert engine.cores.__wrapped__() == expected


def test_a_number_of_cores_that_is_none_is_not_heeded(monkeypatch, caplog):
    monkeypatch.setenv("AGR_CORES", "two")
    assert engine.cores.__wrapped__() >= 1
    assert "'two', expected a whole number" in caplog.text


def test_without_limits_all_cores_count(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "CPU_LIMIT", tmp_path / "none")
    monkeypatch.setattr(engine.os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    assert engine.cores.__wrapped__() == 3


def test_parallel_work_keeps_the_order_and_passes_errors_on(monkeypatch):
    monkeypatch.setattr(engine, "cores", lambda: 4)
    engine._helpers.cache_clear()
    assert engine.in_parallel(lambda x: x * x, range(500)) == [x * x for x in range(500)]
    assert engine.in_parallel(lambda x: x, []) == []
    with pytest.raises(ZeroDivisionError):
        engine.in_parallel(lambda x: 1 / (x - 300), range(500))
    # Also from within: whoever waits computes, so nothing can stand still.
    assert engine.in_parallel(lambda x: sum(engine.in_parallel(lambda y: x * y, range(20))), range(40))[1] == 190
    engine._helpers.cache_clear()


def test_when_the_program_ends_threads_go_on_alone():
    """Python still waits for threads that were started before, but starts no others."""
    code = """
import threading, time
import numpy as np
from agr import engine
engine.cores = lambda: 2
from agr.analyzer import FaceAnalyzer

class Read(FaceAnalyzer):
    def analyze(self, image):
        return engine.in_parallel(abs, image)

def work():
    threading.main_thread().join()
    time.sleep(0.2)
    print(engine.in_parallel(abs, [-1, -2, -3]))
    print([found for _, found in Read(None, None).analyze_named([("a", [-1, -2]), ("b", [-3, -4])])])

engine.in_parallel(abs, [1, 2])
threading.Thread(target=work).start()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["[1, 2, 3]", "[[1, 2], [3, 4]]"], done.stderr


def test_photos_that_are_in_work_at_once_share_the_cores(monkeypatch):
    monkeypatch.setattr(engine, "cores", lambda: 4)
    monkeypatch.setattr(engine, "_photos_in_work", 0)

    def threads():
        return len(set(engine.in_parallel(lambda _: (time.sleep(0.02), threading.get_ident())[1], range(12))))

    with engine.photo_in_work():
        assert engine.share() == 4
        assert threads() > 1
        with ThreadPoolExecutor(1) as another:

            def meanwhile():
                with engine.photo_in_work(), engine.photo_in_work():
                    return engine.share(), threads()

            assert another.submit(meanwhile).result() == (1, 1)
            assert another.submit(engine.share).result() == 4  # what belongs to no photo
        assert engine.share() == 4
    assert engine._photos_in_work == 0
