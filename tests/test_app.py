import os
import signal
import socket
import subprocess
import sys

import pytest
import typer

import app
from tests.conftest import ROOT


def test_the_heap_is_shared_before_anything_starts_a_thread(monkeypatch):
    """Threads that are there before get heaps of their own, which then hold what nobody needs."""
    import agr.analyzer  # noqa: F401  # or it would keep what is put in place below

    told = []

    def load(model):
        told.append("model")
        sys.exit()  # far enough

    monkeypatch.setattr("agr.memory.keep_freed_memory", lambda: told.append("memory"))
    monkeypatch.setattr("agr.pretrained.find_model", load)
    with pytest.raises(SystemExit):
        app.main(model="somewhere", faces=None)
    assert told == ["memory", "model"]


def test_a_folder_of_reports_that_is_not_there_is_said(tmp_path, capsys):
    with pytest.raises(typer.Exit):
        app.main(reports=tmp_path / "typo")
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "{taken}"], "cannot listen"),
        (["--port", "99999"], "port"),
        (["--host", "192.0.2.1"], "cannot listen"),
    ],
)
def test_where_it_cannot_listen_is_said_in_a_sentence(options, said):
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        command = [sys.executable, "app.py", *(option.format(taken=taken) for option in options)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_behind_a_proxy_it_starts_and_when_it_ends_nothing_is_left(tmp_path, number):
    env = os.environ | {"TMPDIR": str(tmp_path), "HTTP_PROXY": "http://127.0.0.1:9", "PYTHONUNBUFFERED": "1"}
    env |= {"NO_PROXY": "example.com", "GRADIO_TEMP_DIR": ""}
    with subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None
        assert any("Running on local URL" in line for line in page.stdout)
        assert list(tmp_path.glob("agr-*"))
        page.send_signal(number)
        page.stdout.read()
    assert not list(tmp_path.glob("agr-*"))


def test_where_there_is_no_place_for_uploads_is_said(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(typer.Exit):
        app.main(model="no/such/model/anywhere", faces=None)
    assert "There is no place for uploads: Not a directory. GRADIO_TEMP_DIR names" in capsys.readouterr().err


def test_a_folder_without_reports_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))  # and so put back at the end
    monkeypatch.setattr(app, "_end_tidily", lambda *_: None)
    monkeypatch.setattr("agr.ui.page.build_page", lambda *_: sys.exit())  # far enough
    with pytest.raises(SystemExit):
        app.main(model="no/such/model/anywhere", faces=None, reports=tmp_path)
    assert f"There is no report in {tmp_path}" in capsys.readouterr().err
