"""Chromium and the served page, for benchmarks from a visitor's point of view."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from playwright.sync_api import Browser, sync_playwright

from agr.ui.page import launch

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """The installed Chromium or Chrome, headless."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser
        browser.close()


@contextmanager
def served(page: gr.Blocks) -> Iterator[str]:
    """Serve the page from this process; yields its address."""
    launch(page, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield page.local_url
    page.close(verbose=False)
