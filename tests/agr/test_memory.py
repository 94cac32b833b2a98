import platform
import subprocess
import sys

import pytest

from agr.memory import keep_freed_memory
from tests.conftest import ROOT

FAULTS = """
import resource, sys
from agr.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def test_others_are_left_alone(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert not keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is nothing to tell the C library")
def test_blocks_of_a_photo_are_used_again():
    keeping, plain = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], cwd=ROOT, capture_output=True, check=True).stdout)
        for how in ("keep", "plain")
    )
    assert keeping < 100 < plain


HOLES = """
import sys, time
from pathlib import Path
from agr import memory
memory.GIVE_BACK_EVERY = 0.2
assert memory.keep_freed_memory()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
blocks = [bytearray(2**20) for _ in range(200)]
full = resident()
del blocks[::2], blocks[0]  # every second one, so that nothing is free at the end of the heap
for _ in range(300):
    time.sleep(0.1)
    if full - resident() > 80:
        break
print(full - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is nothing to tell the C library")
def test_holes_are_handed_back():
    done = subprocess.run([sys.executable, "-c", HOLES], cwd=ROOT, capture_output=True, check=True)
    assert float(done.stdout) > 80
