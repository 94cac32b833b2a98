"""The page's JavaScript, in files beside the modules that use it."""

from pathlib import Path


def script(name: str) -> str:
    """The text of a script; `name`: its path from this folder, such as "dashboard/act.js"."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
