"""The page's JavaScript, in files beside the modules that use it."""

from pathlib import Path


def script(name: str) -> str:
    """The text of a script; `name`: its path from this folder, such as "dashboard/act.js"."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def focus(selector: str) -> str:
    """JavaScript that moves the focus to an element: for buttons that are disabled after they were pressed, where
    keyboard users would lose their place."""
    return f"() => document.querySelector('{selector}').focus()"
