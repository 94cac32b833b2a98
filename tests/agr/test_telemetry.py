"""What is sent, and left behind: nothing."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ASTRONAUT, ROOT


@pytest.mark.slow
def test_nothing_is_noted_down_to_be_sent(tmp_path):
    """ONNX Runtime keeps a number of the machine and what it wants to report in the home folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    env |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "agr", "analyze", str(ASTRONAUT)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert '"age"' in done.stdout
    assert not list(tmp_path.rglob("*"))


def test_who_wants_it_may_turn_it_on():
    code = "import agr, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for chosen, expected in ((None, "1"), ("0", "0")):
        env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
        env |= {"ORT_DISABLE_TELEMETRY": chosen} if chosen else {}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
