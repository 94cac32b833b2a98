"""A view of the tab: its components, and the values that it shows in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from ..scripts import script
from .html import save_buttons
from .look import Look

ACT, SAVE_FIGURE = script("dashboard/act.js"), script("dashboard/save_figure.js")


@dataclass(frozen=True)
class Parts:
    """A view's components: `controls` by name, `outputs` in the order of the values that `show` returns, and those
    outputs that can be clicked (`clickable`)."""

    outputs: list[gr.components.Component]
    controls: dict[str, gr.components.Component] = field(default_factory=dict)
    clickable: list[gr.HTML] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """`layout` makes the view's components inside the `gr.Blocks` that is being built, given the names of the page's
    reports; `show` returns the values of its outputs for a look."""

    name: str
    layout: Callable[[list[str]], Parts]
    show: Callable[[Look], list[Any]]


def figure_slot(name: str) -> gr.Plot:
    """A component for a Plotly figure, with buttons below to save it."""
    with gr.Column(elem_id=f"{name}-figure", elem_classes="agr-figure", min_width=300):
        plot = gr.Plot(show_label=False)
        gr.HTML(save_buttons(name), js_on_load=SAVE_FIGURE, apply_default_css=False)
    return plot


def text_slot(elem_id: str) -> gr.HTML:
    """A component for HTML without actions."""
    return gr.HTML(elem_id=elem_id, apply_default_css=False)


def click_slot(elem_id: str) -> gr.HTML:
    """A component for HTML whose buttons and checkboxes send actions (see `act` in html.py)."""
    return gr.HTML(js_on_load=ACT, elem_id=elem_id, apply_default_css=False)
