"""Where a model comes from; the Hub is a server on this machine that speaks its protocol."""

import hashlib
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from agr.model import ModelError
from agr.pretrained import BUNDLED, find_model

ROOT = Path(__file__).parents[2]
COMMIT = "a" * 40
FILES = {"config.json": b'{"hello": 1}', "model.safetensors": b"weights", "secret.bin": b"not asked for"}


class Hub(BaseHTTPRequestHandler):
    """One public model, user/model, at one commit, tagged v1.0."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        if path in (f"/api/models/user/model/revision/{r}" for r in ("main", "v1.0", COMMIT)):
            info = {"id": "user/model", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            return self.answer(200, json.dumps(info).encode(), {"Content-Type": "application/json"})
        if path == f"/api/models/user/model/tree/{COMMIT}":
            entries = [{"type": "file", "path": n, "size": len(c), "oid": "0"} for n, c in FILES.items()]
            return self.answer(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
        name = path.rsplit("/", 1)[-1]
        if path == f"/user/model/resolve/{COMMIT}/{name}" and name in FILES:
            body = FILES[name]
            etag = hashlib.sha1(body).hexdigest()
            return self.answer(200, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        kind = "RevisionNotFound" if path.startswith("/api/models/user/model/revision/") else "RepoNotFound"
        return self.answer(404, b"{}", {"X-Error-Code": kind})

    def answer(self, status, body, headers):
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def find(repo: str, revision: str | None, *, endpoint: str, home: Path, offline: bool = False) -> str:
    """`find_model` in a process of its own, as huggingface_hub reads its settings once; its answer or its error."""
    code = (
        "import sys; from agr.pretrained import find_model; from agr.model import ModelError\n"
        "try: print(find_model(sys.argv[1], revision=sys.argv[2] or None))\n"
        "except ModelError as error: print('ModelError:', error)"
    )
    env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline)), "PATH": ""}
    command = [sys.executable, "-c", code, repo, revision or ""]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_the_bundled_model_and_a_folder(tmp_path):
    assert find_model() == BUNDLED
    assert find_model(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["nothing-here", "./no/such", "/no/such", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(ModelError, match="no folder"):
        find_model(name)


@pytest.mark.slow
def test_a_hub_model_is_downloaded_once_and_then_works_offline(hub, tmp_path):
    folder = Path(find("user/model", "v1.0", endpoint=hub, home=tmp_path))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        name: content for name, content in FILES.items() if name != "secret.bin"
    }
    assert find("user/model", "v1.0", endpoint="http://127.0.0.1:9", home=tmp_path, offline=True) == str(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repo", "revision", "message"),
    [
        ("user/other", None, "no Hub model user/other"),
        ("user/model", "v9", "no revision 'v9'"),
        ("us er/x", None, "us er/x"),
    ],
)
def test_what_the_hub_does_not_have_is_named(hub, tmp_path, repo, revision, message):
    answer = find(repo, revision, endpoint=hub, home=tmp_path)
    assert answer.startswith("ModelError:")
    assert message in answer


@pytest.mark.slow
def test_a_hub_out_of_reach_is_said(tmp_path):
    answer = find("user/model", None, endpoint="http://127.0.0.1:9", home=tmp_path)
    assert answer.startswith("ModelError:")
    assert "cannot be reached" in answer
