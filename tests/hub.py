"""A small Hugging Face Hub in memory: as much of its HTTP protocol as publishing and loading use, with its errors.

Written from huggingface_hub's own client; what the real Hub does beyond it (quotas, Xet, moderation) is not here.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote, urlsplit

WRITE, READ, STRANGER = "hf_writewritewritewrite", "hf_readreadreadread", "hf_strangerstranger"
USERS = {
    WRITE: {"name": "ann", "orgs": [{"name": "lab"}], "may_write": True},
    READ: {"name": "ann", "orgs": [], "may_write": False},
    STRANGER: {"name": "bob", "orgs": [], "may_write": True},
}
LARGE = (".safetensors", ".parquet", ".png", ".jpg", ".ttf")
"""Endings that go to large file storage."""


@dataclass
class Commit:
    oid: str
    title: str
    files: dict[str, bytes]


@dataclass
class Repo:
    kind: str
    name: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: list[Commit] = field(default_factory=list)

    def at(self, revision: str) -> Commit | None:
        oid = self.tags.get(revision, revision)
        if revision == "main":
            return self.commits[-1]
        if pull := re.fullmatch(r"refs/pr/(\d+)", revision):
            return next(iter(self.pulls[int(pull[1]) - 1 :]), None)
        return next((commit for commit in (*self.commits, *self.pulls) if commit.oid == oid), None)

    def add(self, title: str, files: dict[str, bytes], *, as_pull: bool = False) -> Commit:
        oid = hashlib.sha1(f"{self.kind}{self.name}{title}{len(self.commits)}{len(self.pulls)}".encode()).hexdigest()
        commit = Commit(oid, title, files)
        (self.pulls if as_pull else self.commits).append(commit)
        return commit


class FakeHub:
    """What the server knows.

    `faults`: step -> what to do there instead: an HTTP status, "drop" (close the connection without an answer) or
    "lose" (do it, and lose the answer). `before`: step -> what happens just before it. `uploads`: contents that were
    sent to storage.
    """

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.storage: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.seen: list[str] = []
        self.faults: dict[str, int | str] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self.lock = Lock()
        self.url = ""

    def create(self, name: str, kind: str = "model", *, private: bool = False) -> Repo:
        repo = self.repos[kind, name] = Repo(kind, name, private)
        repo.add("initial commit", {".gitattributes": b""})
        return repo


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def handle_one(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self._chunks()
        parts = urlsplit(self.path)
        self.query = parts.query
        for method, pattern, step, answer in ROUTES:
            match = re.fullmatch(pattern, unquote(parts.path))
            if match and self.command in method.split("|"):
                return self._answer(step, answer, match.groups())
        return self._send(404, b"{}", {})

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_one

    def _answer(self, step: str, answer, groups: tuple) -> None:
        self.hub.seen.append(step)
        fault = self.hub.faults.get(step)
        self.hub.before.pop(step, lambda: None)()
        if fault == "drop":
            return self.connection.close()
        if isinstance(fault, int):
            return self._send(fault, json.dumps({"error": "as the test asked"}).encode(), {})
        try:
            with self.hub.lock:
                status, body, headers = answer(self, *groups)
        except _Refused as refused:
            status, body = refused.status, json.dumps({"error": refused.message}).encode()
            headers = {"X-Error-Code": refused.code} if refused.code else {}
        if fault == "lose":
            return self.connection.close()
        return self._send(status, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _chunks(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    @property
    def user(self) -> dict | None:
        return USERS.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def known(self, kinds: str, name: str) -> Repo:
        repo = self.hub.repos.get((kinds.rstrip("s"), name))
        if repo is None or (repo.private and not self.may_write(name)):
            raise _Refused(404, "RepoNotFound", "Repository not found")
        return repo

    def may_write(self, name: str) -> bool:
        user, owner = self.user, name.split("/")[0]
        return bool(user) and user["may_write"] and owner in (user["name"], *(org["name"] for org in user["orgs"]))

    def must_write(self, name: str) -> None:
        if self.user is None:
            raise _Refused(401, "", "Invalid username or password.")
        if not self.may_write(name):
            raise _Refused(403, "", "Forbidden: you must use a write token to upload to a repository.")

    def log_message(self, *args) -> None:
        pass


def _json(value) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(value).encode(), {}


def _whoami(h: _Handler):
    if h.user is None:
        raise _Refused(401, "", "Invalid user token.")
    return _json({"type": "user", "name": h.user["name"], "orgs": h.user["orgs"]})


def _create(h: _Handler):
    asked = json.loads(h.body)
    owner = asked.get("organization") or (h.user or {}).get("name", "")
    kind, name = asked.get("type") or "model", f"{owner}/{asked['name']}"
    h.must_write(name)
    if (kind, name) in h.hub.repos:
        raise _Refused(409, "", "You already created this repo")
    h.hub.create(name, kind, private=bool(asked.get("private") or asked.get("visibility") == "private"))
    return _json({"url": f"{h.hub.url}/{'spaces/' * (kind == 'space')}{name}"})


def _delete(h: _Handler):
    asked = json.loads(h.body)
    owner = asked.get("organization") or (h.user or {}).get("name", "")
    name = f"{owner}/{asked['name']}"
    h.must_write(name)
    h.known(asked.get("type") or "model", name)
    del h.hub.repos[asked.get("type") or "model", name]
    return _json({})


def _info(h: _Handler, kinds: str, name: str, revision: str | None = None):
    repo = h.known(kinds, name)
    commit = repo.at(revision or "main")
    if commit is None:
        raise _Refused(404, "RevisionNotFound", "Invalid rev id")
    siblings = [{"rfilename": file} for file in commit.files]
    return _json({"id": name, "sha": commit.oid, "private": repo.private, "siblings": siblings})


def _tree(h: _Handler, kinds: str, name: str, revision: str):
    commit = h.known(kinds, name).at(revision)
    if commit is None:
        raise _Refused(404, "RevisionNotFound", "Invalid rev id")
    return _json([_entry(file, content) for file, content in commit.files.items()])


def _entry(file: str, content: bytes) -> dict:
    entry = {"type": "file", "path": file, "size": len(content), "oid": _blob_oid(content)}
    if file.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def _blob_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _refs(h: _Handler, kinds: str, name: str):
    repo = h.known(kinds, name)
    tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": oid} for t, oid in repo.tags.items()]
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.commits[-1].oid}
    return _json({"branches": [main], "converts": [], "tags": tags})


def _validate(h: _Handler):
    content = json.loads(h.body)["content"]
    errors = [] if "license:" in content or "sdk:" in content else [{"message": "no licence"}]
    return 400 if errors else 200, json.dumps({"errors": errors, "warnings": []}).encode(), {}


def _preupload(h: _Handler, kinds: str, name: str, revision: str):
    if "create_pr" not in h.query:
        h.must_write(name)
    there = h.known(kinds, name).at("main").files
    files = []
    for asked in json.loads(h.body)["files"]:
        path, is_large = asked["path"], asked["path"].endswith(LARGE)
        content = there.get(path)
        oid = None
        if content is not None:
            oid = hashlib.sha256(content).hexdigest() if is_large else _blob_oid(content)
        files.append({"path": path, "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False, "oid": oid})
    return _json({"files": files})


def _batch(h: _Handler, prefix: str | None, name: str):
    objects = []
    for asked in json.loads(h.body)["objects"]:
        entry = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in h.hub.storage:
            upload = {"href": f"{h.hub.url}/storage/{asked['oid']}"}
            entry["actions"] = {"upload": upload, "verify": {"href": f"{h.hub.url}/storage/verify"}}
        objects.append(entry)
    return _json({"transfer": "basic", "objects": objects})


def _put(h: _Handler, oid: str):
    if hashlib.sha256(h.body).hexdigest() != oid:
        raise _Refused(400, "", "other content than announced")
    h.hub.storage[oid] = h.body
    h.hub.uploads.append(oid)
    return _json({})


def _verify(h: _Handler):
    asked = json.loads(h.body)
    if len(h.hub.storage.get(asked["oid"], b"")) != asked["size"]:
        raise _Refused(404, "", "not in storage")
    return _json({})


def _commit(h: _Handler, kinds: str, name: str, revision: str):
    as_pull = "create_pr" in h.query
    if not as_pull:
        h.must_write(name)
    repo = h.known(kinds, name)
    lines = [json.loads(line) for line in h.body.splitlines()]
    head = lines[0]["value"]
    if head.get("parentCommit") not in (None, repo.commits[-1].oid):
        raise _Refused(412, "", "A commit has happened since.")
    files = dict(repo.commits[-1].files)
    for line in lines[1:]:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            files[value["path"]] = h.hub.storage[value["oid"]]
        elif line["key"] == "deletedFile":
            del files[value["path"]]
    commit = repo.add(head["summary"], files, as_pull=as_pull)
    url = f"{h.hub.url}/{name}"
    pull = f"{url}/discussions/{len(repo.pulls)}" if as_pull else None
    return _json({"commitUrl": f"{url}/commit/{commit.oid}", "commitOid": commit.oid, "pullRequestUrl": pull})


def _tag(h: _Handler, kinds: str, name: str, revision: str):
    h.must_write(name)
    repo, tag = h.known(kinds, name), json.loads(h.body)["tag"]
    if tag in repo.tags:
        raise _Refused(409, "", "Tag exists")
    repo.tags[tag] = repo.at(revision).oid
    return _json({})


def _resolve(h: _Handler, prefix: str | None, name: str, revision: str, file: str):
    repo = h.known("space" if prefix else "model", name)
    commit = repo.at(revision)
    if commit is None:
        raise _Refused(404, "RevisionNotFound")
    if file not in commit.files:
        raise _Refused(404, "EntryNotFound")
    content = commit.files[file]
    entry = _entry(file, content)
    etag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
    return 200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": commit.oid, "Content-Type": "application/octet-stream"}


_KIND, _NAME = "(models|spaces)", r"([^/]+/[^/]+)"
_REVISION = r"(refs/pr/\d+|[^/]+)"
ROUTES = [
    ("GET", "/api/whoami-v2", "whoami", _whoami),
    ("POST", "/api/repos/create", "create", _create),
    ("DELETE", "/api/repos/delete", "delete", _delete),
    ("POST", "/api/validate-yaml", "validate", _validate),
    ("GET", f"/api/{_KIND}/{_NAME}", "info", _info),
    ("GET", f"/api/{_KIND}/{_NAME}/revision/{_REVISION}", "info", _info),
    ("GET", f"/api/{_KIND}/{_NAME}/tree/{_REVISION}", "tree", _tree),
    ("GET", f"/api/{_KIND}/{_NAME}/refs", "refs", _refs),
    ("POST", f"/api/{_KIND}/{_NAME}/preupload/([^/]+)", "preupload", _preupload),
    ("POST", f"/(spaces/)?{_NAME}.git/info/lfs/objects/batch", "batch", _batch),
    ("PUT", "/storage/([0-9a-f]{64})", "put", _put),
    ("POST", "/storage/verify", "verify", _verify),
    ("POST", f"/api/{_KIND}/{_NAME}/commit/([^/]+)", "commit", _commit),
    ("POST", f"/api/{_KIND}/{_NAME}/tag/([^/]+)", "tag", _tag),
    ("GET|HEAD", f"/(spaces/)?{_NAME}/resolve/{_REVISION}/(.+)", "resolve", _resolve),
]
