"""What becomes of workers when their program is stopped."""

import os
import signal
import subprocess
import sys

import pytest

from agr.workers import worker_pool
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="sends signals to a group of processes")]

PROGRAM = """
import os, time
from agr.workers import worker_pool

if __name__ == "__main__":
    try:
        with worker_pool(2, os.getpid) as pool:
            workers = set()
            while len(workers) < 2:  # one that is still starting would be interrupted in the midst of it
                workers |= {each.result() for each in [pool.submit(os.getpid) for _ in range(8)]}
            waiting = [pool.submit(time.sleep, 60) for _ in range(6)]
            print("ready", flush=True)
            waiting[0].result()
    except KeyboardInterrupt:
        print("stopped")
"""


def test_ctrl_c_ends_them_at_once_and_without_a_word(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    said, complained = process.communicate(timeout=30)
    assert (said, complained) == ("stopped\n", "")


def test_windows_waits_for_no_more_than_it_can(monkeypatch):
    monkeypatch.setattr("agr.workers.sys.platform", "win32")
    worker_pool(64, print).shutdown()
    monkeypatch.undo()
    assert worker_pool(64, print)._max_workers == 64  # type: ignore[attr-defined]
