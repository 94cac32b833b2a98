"""The same table from a cluster: two nodes, one of whose workers is killed half-way."""

import os
from threading import Event, Thread

import psutil
import pytest

from agr.collection import CollectionError, analyze_collection

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of one core each, on this machine."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    small = {"num_cpus": 1, "object_store_memory": 100_000_000}
    started = cluster_utils.Cluster(initialize_head=True, head_node_args=small | {"include_dashboard": False})
    started.add_node(**small)
    yield started
    started.shutdown()


class Killer(Thread):
    """Kills a worker when the first part is there. `nodes`: on how many nodes workers were seen."""

    def __init__(self, output) -> None:
        super().__init__(daemon=True)
        self.output, self.nodes, self.killed, self.stop = output, set(), None, Event()

    def run(self) -> None:
        while not self.stop.wait(0.05):
            workers = [p for p in psutil.Process().children(recursive=True) if _is_worker(p)]
            self.nodes |= {worker.ppid() for worker in workers}
            if workers and self.killed is None and len(self.nodes) == 2 and list(self.output.glob("part-*")):
                self.killed = workers[0].pid
                workers[0].kill()


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "MapWorker" in process.name() or "MapWorker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_two_nodes_and_a_killed_worker_give_the_same_rows(cluster, astronaut, tmp_path, monkeypatch):
    monkeypatch.setattr("agr.collection.analysis.LEAST_IN_PART", 4)
    (tmp_path / "photos").mkdir()
    for number in range(150):
        astronaut.rotate(number, expand=True).save(tmp_path / "photos" / f"{number}.jpg")
    (tmp_path / "photos" / "bad.jpg").write_bytes(b"bad")
    alone, shared = tmp_path / "alone.parquet", tmp_path / "shared.parquet"
    killer = Killer(shared)
    killer.start()
    counts = analyze_collection([tmp_path / "photos"], shared, ray=cluster.address)
    killer.stop.set()
    killer.join()
    assert killer.killed
    assert len(killer.nodes) == 2
    assert counts == analyze_collection([tmp_path / "photos"], alone)
    assert counts.photos == 151
    assert counts.unreadable == 1
    assert _contents(shared) == _contents(alone)


def _contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_cluster_is_said(tmp_path, astronaut):
    pytest.importorskip("ray")
    astronaut.save(tmp_path / "a.jpg")
    with pytest.raises(CollectionError, match=r"no Ray cluster at '127\.0\.0\.1:9'"):  # at once
        analyze_collection([tmp_path / "a.jpg"], tmp_path / "faces.parquet", ray="127.0.0.1:9")
    with pytest.raises(CollectionError, match="no Ray cluster at 'nonsense'"):
        analyze_collection([tmp_path / "a.jpg"], tmp_path / "faces.parquet", ray="nonsense")


def test_no_ray_is_said(tmp_path, astronaut, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    astronaut.save(tmp_path / "a.jpg")
    with pytest.raises(CollectionError, match="Ray is not installed"):
        analyze_collection([tmp_path / "a.jpg"], tmp_path / "faces.parquet", ray="auto")
