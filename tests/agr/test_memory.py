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
