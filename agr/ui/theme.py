"""How the page looks. System fonts, so that nothing is fetched from elsewhere."""

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).parent / "style.css"


def theme() -> gr.themes.Base:
    """The page's theme, light and dark."""
    return gr.themes.Soft(
        primary_hue="blue",
        neutral_hue="slate",
        font=[gr.themes.Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "sans-serif")],
        font_mono=[gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")],
    ).set(body_text_color_subdued="*neutral_600")  # Soft's own is too pale to read on white (2.4 : 1)
