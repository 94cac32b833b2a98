"""The page, served from a thread of this process, and a browser that looks at it."""

import io
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from gradio import networking
from gradio_client import Client
from PIL import Image

from tests.conftest import ROOT

WAIT = 60_000
FILE = {"_type": "gradio.FileData"}
# Without the flags about networking, Chromium keeps asking its maker's servers for updates.
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def patient_client(url: str) -> Client:
    """A program's; by default it gives up after five seconds, which many visitors at once may take on two cores."""
    return Client(url, verbose=False, httpx_kwargs={"timeout": 120})


def upload(page_url: str, file: Path) -> str:
    """Send a file as the page does; returns the path under which it is held."""
    with file.open("rb") as stream:
        (path,) = httpx.post(page_url + "gradio_api/upload", files={"files": stream}, timeout=60).json()
    return path


def ask(page_url: str, sent) -> str:
    """What the endpoint's event stream says to a hand-made request."""
    root = page_url.rstrip("/") + "/gradio_api/call/analyze"
    answer = httpx.post(root, json={"data": [sent]}, timeout=60)
    if answer.status_code != 200:
        return answer.text
    return httpx.get(f"{root}/{answer.json()['event_id']}", timeout=60).text


@pytest.fixture(scope="session")
def served(analyzer, tmp_path_factory):
    """The page itself, with the same grey picture for every face of a report: no label is judged without one."""
    networking.url_ok = lambda url: True  # it asks once, for three seconds, and a busy machine would fail every test
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("uploads"))
    from agr.ui.page import build_page, launch, reports_of

    grey = io.BytesIO()
    Image.new("RGB", (24, 24), "grey").save(grey, "JPEG")
    pictures = SimpleNamespace(find=lambda file: grey.getvalue())
    page = build_page(analyzer, reports_of(ROOT / "eval_reports"), pictures)
    launch(page, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield page
    page.close()


@pytest.fixture(scope="session")
def page_url(served):
    return served.local_url


@pytest.fixture(scope="session")
def launch_browser():
    """launch_browser(*flags) -> a Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("CI has to have Chromium: apt-get install chromium")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        yield lambda *flags: playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, *flags])


@pytest.fixture(scope="session")
def browser(launch_browser):
    browser = launch_browser()
    yield browser
    browser.close()


def until_answered(page, served):
    """Wait until a page that `visit` opened has had answers to all that it asked."""
    pending, quiet = served._queue.pending_event_ids_session, 0
    for _ in range(WAIT // 50):
        page.wait_for_timeout(50)
        quiet = 0 if any(pending.get(session) for session in page.sessions) else quiet + 1
        if quiet == 20:  # an answer may be followed by a further event
            return
    pytest.fail("the page still waits for an answer")


@pytest.fixture
def visit(browser, page_url):
    """visit(query="", script="", **context options) -> an opened page, in which the script runs before all others; at
    the end, nothing may have gone wrong in its console, unless it `is_troubled`. `chromium`: another browser."""
    opened, trouble = [], []

    def visit(query="", script="", is_troubled=False, chromium=browser, **options):
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 1400}} | options))
        context.add_init_script(script)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.sessions = set()
        page.on("request", lambda r: page.sessions.update(parse_qs(urlsplit(r.url).query).get("session_hash", [])))
        if not is_troubled:
            page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda r: trouble.append(f"asked {r.url}") if not is_local(r.url) else None)
        page.goto(f"{page_url}?{query}" if query else page_url)
        if not query:  # an address may open another tab than that of the photo
            page.wait_for_selector("#photo input[type=file]", state="attached")
        opened.append(context)
        return page

    def is_local(url: str) -> bool:
        return url.startswith((page_url, "data:", "blob:", "about:"))

    yield visit
    before_leaving = list(trouble)  # what a page asks for while it is closed is broken off, and said to be
    for context in opened:
        context.close()
    assert not before_leaving
