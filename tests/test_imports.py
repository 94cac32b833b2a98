"""Who may know whom, read from the imports themselves."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import agr

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("agr/**/*.py"), *ROOT.glob("train/**/*.py"), ROOT / "app.py"])


@cache
def imports(file: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, with its full name."""
    package = list(file.relative_to(ROOT).with_suffix("").parts)[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def reaches(file: Path, name: str) -> bool:
    return any(module == name or module.startswith(name + ".") for module in imports(file))


def own_reach(file: Path) -> set[Path]:
    """The file and every file of ours that it imports, directly or not."""
    seen, waiting = set(), [file]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        waiting += [f for f in FILES if module_name(f) in imports(current)]
    return seen


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def names(files) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in files]


def test_labels_know_nobody():
    assert imports(ROOT / "agr/labels.py") == {"bisect", "bisect.bisect_right"}


@pytest.mark.parametrize("room", ["evaluation", "images.py", "align.py", "render.py"])
def test_light_rooms_stay_away_from_the_page(room):
    path = ROOT / "agr" / room
    files = [path] if path.is_file() else list(path.glob("**/*.py"))
    assert files
    reached = set().union(*(own_reach(file) for file in files))
    assert not names(file for file in reached if reaches(file, "gradio"))


def test_only_the_page_knows_gradio():
    knowing = [file for file in FILES if reaches(file, "gradio")]
    assert knowing
    assert not [name for name in names(knowing) if not name.startswith("agr/ui/") and name != "app.py"]


def test_facenet_is_imported_in_one_room():
    assert names(file for file in FILES if reaches(file, "facenet_pytorch")) == ["train/graphs.py"]


@pytest.mark.parametrize("foreign", ["torch", "torchvision", "facenet_pytorch", "tensorflow"])
def test_what_recognises_needs_no_framework(foreign):
    files = [file for file in FILES if not file.is_relative_to(ROOT / "train")]
    assert len(files) > 50
    assert not names(file for file in files if reaches(file, foreign))


def test_train_stays_away_from_the_page_and_agr_from_train():
    assert not names(f for f in FILES if f.is_relative_to(ROOT / "train") and reaches(f, "agr.ui"))
    assert not names(f for f in FILES if f.is_relative_to(ROOT / "agr") and reaches(f, "train"))


def test_texts_are_read_as_utf8_also_where_that_is_not_the_default():
    reads = [
        (str(file), call.keywords)
        for file in FILES
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "read_text"
    ]
    assert reads
    assert not [file for file, keywords in reads if "encoding" not in {keyword.arg for keyword in keywords}]


def test_importing_the_package_loads_nothing_heavy():
    code = "import agr, sys; print([m for m in ('torch', 'gradio', 'pandas', 'numpy', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_name_of_the_package_loads_torch():
    code = f"from agr import {', '.join(agr.__all__)}; import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_only_training_itself_waits_for_torch():
    light = "publish, evaluate, card, space, split, prepare"
    code = f"from train import {light}; import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_app_requires_just_what_it_imports():
    provides = {"PIL": "Pillow", "pillow_heif": "pillow-heif"}
    ours = {"agr", "train", "app", *sys.stdlib_module_names}
    files = [f for f in FILES if not f.is_relative_to(ROOT / "train")]
    imported = {module.split(".")[0] for file in files for module in imports(file)} - ours - {""}
    imported -= {"spaces"}  # brought along by the Spaces that have it, and wanted nowhere else
    imported -= {"ray"}  # who has a cluster has it; without it a sentence says what to install
    needed = {provides.get(module, module).lower() for module in imported}
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    required = {line.split("=")[0].split(">")[0].strip().lower() for line in lines}
    # mtcnn's files are read without importing it, by joblib with lz4; pyarrow is how pandas reads parquet.
    assert needed | {"mtcnn", "lz4", "pyarrow"} == required


def test_who_installs_the_package_gets_all_but_the_page():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    package = set(re.findall(r'^  "([^"]+)",$', text.partition("dependencies = [")[2].partition("]")[0], re.MULTILINE))
    page = {line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")}
    assert package < page
    assert {re.split("[>=]", line)[0] for line in page - package} == {"gradio", "starlette", "plotly"}


def test_the_package_says_which_version_it_is():
    from agr.config import CODE_VERSION

    assert agr.__version__ == CODE_VERSION


def test_names_of_the_package_can_be_completed_and_misspelt_ones_are_none():
    assert set(agr.__all__) <= set(dir(agr))
    with pytest.raises(AttributeError, match="FaceAnalyser"):
        agr.FaceAnalyser  # noqa: B018
