"""Which parts of a face count: a fold beside each answer, which is filled when it is opened (parts.js)."""

import html
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from agr.occlusion import Hold, Occlusion

from .cards import crop_uri, message, percent
from .scripts import script

MOST_AT_ONCE = 2
"""Faces whose parts are looked at for one request; parts.js asks again for the others."""
NOTE = (
    "Each part is covered in turn. What is red makes the face look older, or speaks for this gender or race; what is "
    "blue makes it look younger, or speaks against it. Each picture has colours of its own strength: the figures say "
    "how much an answer changes."
)
NO_ANSWER = message("There was no answer. Close this and open it again.", is_error=True)
_FAILED = f"() => JSON.stringify({{failed: {json.dumps(NO_ANSWER)}, at: Date.now()}})"
_FOR, _AGAINST = (200, 20, 60), (0, 114, 178)
"""Red and blue: the colour-blind can tell them apart, and neither is a colour of skin."""
_DARKENED = 0.85
"""Brightness of the grey crop beneath, so that light faces take colour too."""
_LEAST_YEARS, _LEAST_ODDS = 2.0, 0.5
"""Effects of this size are drawn in full colour; so are larger ones, up to the largest of a map."""
_SIDE = 160


def fold(slot: str, key: str) -> str:
    """The fold of a face, closed; `slot`: the id of the component that fills it; `key` tells faces apart."""
    return (
        f'<details class="agr-parts" data-slot="{slot}" data-key="{html.escape(key)}">'
        '<summary>Which parts count?</summary><div aria-live="polite"></div></details>'
    )


def fold_slot(elem_id: str, answer: Callable[..., dict[str, str]], inputs: Sequence[Any]) -> None:
    """Make the component that fills the folds of slot `elem_id`. `answer` gets their keys and the values of `inputs`,
    and returns each one's HTML by key."""

    def show(event: gr.EventData, *values: Any) -> str:
        sent = event._data.get("keys") if isinstance(event._data, dict) else None  # a browser may send anything
        keys = [key for key in sent if isinstance(key, str)] if isinstance(sent, list) else []
        answers = answer([*dict.fromkeys(keys)][:MOST_AT_ONCE], *values)
        return json.dumps({"answers": answers, "at": time.time_ns()})

    slot = gr.HTML(html_template=" ", js_on_load=script("parts.js"), elem_id=elem_id, elem_classes="agr-unseen")
    asked = slot.select(
        show,
        list(inputs),
        slot,
        show_progress="hidden",
        trigger_mode="multiple",  # "always_last" would send the first event's keys again
        api_visibility="private",
        concurrency_id="parts",  # photos, which take a tenth of the time, do not wait for this
        concurrency_limit=1,
    )
    asked.failure(None, None, slot, js=_FAILED)


def parts_html(crop: np.ndarray, found: Occlusion) -> str:
    """Three maps over the crop, uint8 (size, size, 3), each with what covering a part does to the answer."""
    age = found.age
    lines = (
        _map(crop, age, _LEAST_YEARS, f"{age.answer:.0f} years", _range(f"{age.least:.0f}", f"{age.most:.0f}"))
        + _of_class(crop, found.gender, found.prediction.gender)
        + _of_class(crop, found.race, found.prediction.race)
    )
    return f'<div class="agr-maps">{lines}</div><p class="agr-note">{NOTE}</p>'


def problem(text: str) -> str:
    """What is shown in place of the maps."""
    return message(text, is_error=True)


def _of_class(crop: np.ndarray, hold: Hold, label: str) -> str:
    answer = f"{html.escape(label)} {percent(hold.answer)}"
    return _map(crop, hold, _LEAST_ODDS, answer, _range(percent(hold.least), percent(hold.most)))


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def _map(crop: np.ndarray, hold: Hold, least: float, answer: str, covered: str) -> str:
    """`least`: size of an effect that is drawn in full colour, unless a larger one is. `answer`, `covered`: as HTML."""
    uri = crop_uri(_drawn(crop, hold.effect / max(least, np.abs(hold.effect).max())))
    spoken = f"red most {_place(hold.effect)}, blue most {_place(-hold.effect)}"
    return (
        f'<figure><img src="{uri}" width="{_SIDE}" height="{_SIDE}" alt="{spoken}">'
        f"<figcaption><strong>{answer}</strong> with a part covered: {covered}</figcaption></figure>"
    )


def _place(effect: np.ndarray) -> str:
    """Where in a map the largest effect is, in words, for those who do not see it."""
    if effect.max() <= 0:
        return "nowhere"
    row, column = (3 * place // len(effect) for place in np.unravel_index(effect.argmax(), effect.shape))
    return f"{('at the top', 'in the middle', 'at the bottom')[row]}{(', left', '', ', right')[column]}"


def _drawn(crop: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The crop in grey, coloured by `strength` (CELLS, CELLS), -1 to 1."""
    smooth = Image.fromarray(strength.astype(np.float32)).resize(crop.shape[1::-1], Image.Resampling.BICUBIC)
    effect = np.clip(np.asarray(smooth), -1, 1)[..., None]
    grey = _DARKENED * crop.mean(axis=2, keepdims=True)
    opacity = 0.75 * np.abs(effect)
    colour = np.where(effect > 0, _FOR, _AGAINST)
    return (grey + opacity * (colour - grey)).astype(np.uint8)
