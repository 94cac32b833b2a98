"""How the page looks. It uses system fonts, so that nothing is fetched from other servers."""

from pathlib import Path

import gradio as gr

from .scripts import script

STYLE = Path(__file__).parent / "style.css"
SCRIPTS = ("queue.js", "address.js", "busy.js", "camera.js")
# In the head, as Gradio limits a style sheet to the content of its own elements.
_OUTSIDE = """
<style>
@media print {  /* flex containers, and elements that hide their overflow, are cut off at the end of a page */
  html, body, gradio-app, .gradio-container, .gradio-container > .main, .gradio-container .wrap:has(> main), main,
  main > .column { display: block !important; overflow: visible !important; }
}
@media (max-width: 640px) { footer .divider { display: none !important; } }  /* there Gradio hides what it divides */
</style>
"""
HEAD = _OUTSIDE + "".join(f"<script>{script(name)}</script>" for name in SCRIPTS)
"""Goes into the page's <head>, so its scripts run before the first component is made."""


def theme() -> gr.themes.Base:
    """The page's theme, light and dark."""
    return gr.themes.Soft(
        primary_hue="blue",
        secondary_hue="blue",
        neutral_hue="slate",
        font=[gr.themes.Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "sans-serif")],
        font_mono=[gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")],
    ).set(  # Soft's colours have too little contrast (2.4 to 3.7 : 1), and its dark labels look like buttons
        color_accent="*primary_600",
        body_text_color_subdued="*neutral_600",
        block_label_text_color="*primary_700",
        block_title_text_color="*primary_700",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        checkbox_label_background_fill_selected="*primary_600",
        checkbox_label_background_fill_selected_dark="*primary_600",
        block_label_background_fill_dark="*neutral_700",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        # Without borders, inputs and options would be white on white.
        input_border_width="1px",
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_400",
        button_border_width="1px",
        button_secondary_background_fill_hover_dark="*neutral_700",  # also of disabled ones: Soft's is a bright blue
        button_secondary_border_color="*neutral_500",
        button_secondary_border_color_dark="*neutral_400",
        checkbox_label_border_width="1px",
        checkbox_label_border_color="*neutral_500",
        checkbox_label_border_color_dark="*neutral_400",
        block_border_width="1px",
        block_border_color="*neutral_300",
        block_border_color_dark="*neutral_600",
    )
