import gradio as gr
import pytest

from agr.ui.received import held, uploaded


@pytest.mark.parametrize("path", ["\0", 5, None, [], "/nowhere/a.jpg"])
def test_odd_paths_were_not_sent(path):
    with pytest.raises(gr.Error, match="not sent"):
        uploaded(path)


def test_what_is_held_stays_where_it_was_where_there_are_no_links(tmp_path, monkeypatch):
    (tmp_path / "hold").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")

    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("agr.ui.received.os.link", no_links)
    (link,) = held([tmp_path / "a.jpg"], tmp_path / "hold")
    assert link.read_bytes() == (tmp_path / "a.jpg").read_bytes() == b"x"
