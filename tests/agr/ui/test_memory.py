import platform

from agr.ui.memory import share_heaps


def test_glibc_takes_it_and_others_are_left_alone(monkeypatch):
    assert share_heaps() == (platform.libc_ver()[0] == "glibc")
    monkeypatch.setattr("sys.platform", "darwin")
    assert not share_heaps()
