"""Check that published files contain no access tokens and no paths that reveal the owner of this machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open

from agr.pictures import DataError

_WITHOUT_TEXT = (".onnx", ".png", ".jpg")
_TOKEN = re.compile(r"\b(hf|api_org)_[A-Za-z0-9_]{16,}")
_ROOTS = "home|root|Users|Volumes|tmp|work|workspace|scratch|content|kaggle|srv|mnt|media|data|var|opt|private"
_LOCAL_PATH = re.compile(
    rf"(?<![\w/.:])(file:/*)?/({_ROOTS})/[\w.-]+|file:///\S|(?<![\w])~/[\w.-]+|\b[A-Za-z]:(\\|/(?!/))\w|\\\\[\w.-]+\\\w"
)


def check_private(file: Path, name: str) -> None:
    """Raises DataError, which calls the file `name`, if it contains an access token or a path of this machine, or
    cannot be searched."""
    try:
        texts = _texts_of(file)
    except (ValueError, OSError, SafetensorError) as error:  # pyarrow's errors are ValueErrors and OSErrors
        raise DataError(f"{name} cannot be looked through: it is damaged, or no text. Take it away.") from error
    for text in texts:
        if _TOKEN.search(text):
            raise DataError(f"{name} holds an access token. Take it out, and withdraw the token.")
        found = _LOCAL_PATH.search(text)
        own = next((str(path) for path in (Path.home(), Path.cwd()) if _is_in(text, path)), None)
        if found or own:
            raise DataError(f"{name} holds a path of this machine ({found[0] if found else own}). Take it out.")


def _is_in(text: str, path: Path) -> bool:
    """Whether a text contains the path, or a word that begins with it less its first slash. Paths of a single folder do
    not count."""
    if len(path.parts) <= 2:
        return False
    posix = path.as_posix()
    return str(path) in text or posix in text or bool(re.search(rf"(^|\s){re.escape(posix.lstrip('/'))}/", text))


def _texts_of(file: Path) -> list[str]:
    """All texts in a file: decoded strings of JSON, text columns of a table, metadata of a weights file, or the whole
    content."""
    if file.suffix == ".json":
        return list(_strings(json.loads(file.read_text(encoding="utf-8"))))
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        return [" ".join(table[column].dropna().map(str)) for column in table.select_dtypes(exclude="number")]
    if file.suffix == ".safetensors":
        with safe_open(file, framework="numpy") as weights:
            return [f"{key} {value}" for key, value in (weights.metadata() or {}).items()]
    return [] if file.suffix in _WITHOUT_TEXT else [file.read_text(encoding="utf-8")]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
