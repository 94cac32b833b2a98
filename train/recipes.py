"""Recipes: `recipes/NAME.yaml` holds, by name, the options of `fit` that produced a model."""

from difflib import get_close_matches
from pathlib import Path

import yaml

from agr.errors import reason_of
from agr.pictures import DataError

FOLDER = Path(__file__).parent / "recipes"
OPTIONS = (
    *("backbone", "init", "epochs", "batch_size", "lr", "weight_decay", "precision", "seed"),
    *("soft_weight", "teacher", "mixup"),
)


def names() -> list[str]:
    """The recipes that come with the code."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_recipe(name: str) -> dict:
    """The options (of `OPTIONS`) of a recipe: one of `names()`, or a .yaml file. Raises DataError if it is not a
    recipe."""
    path = FOLDER / f"{name}.yaml" if name in names() else Path(name)
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = " ".join(reason_of(error).split())
        raise DataError(
            f"There is no recipe {name!r} that can be read ({why}). Expected one of {', '.join(names())}, or a .yaml "
            "file."
        ) from error
    if not isinstance(recipe, dict):
        raise DataError(f"The recipe {name} does not consist of options. Expected some of {', '.join(OPTIONS)}.")
    if unknown := [str(key) for key in recipe if key not in OPTIONS]:
        near = get_close_matches(unknown[0].replace("-", "_"), OPTIONS, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise DataError(
            f"The recipe {name} has the option {unknown[0]}, which there is not.{meant} Expected some of "
            f"{', '.join(OPTIONS)}."
        )
    if isinstance(recipe.get("teacher"), str):
        recipe["teacher"] = [recipe["teacher"]]
    return recipe
