"""Faces as HTML: a card each, with the crop, the age distribution and the probabilities. Does not use Gradio."""

import base64
import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from agr.analyzer import Face
from agr.images import Photo
from agr.labels import AGE_GROUPS, MAX_AGE, age_group_of
from agr.table import COLUMNS, face_row

_PLOT_WIDTH, _PLOT_HEIGHT = 260, 64
SPREAD_OUT = "the age is the mean of a spread-out answer"
"""Said where it is of another group than the likeliest one."""
ANNOUNCE = "element.setAttribute('aria-live', 'polite')"
"""js_on_load for messages that appear later: screen readers read out changes only in a region that they know
already."""
ANNOUNCE_STEPS = """
const said = element.parentNode.appendChild(document.createElement('p'));
said.className = 'agr-unseen';
said.setAttribute('role', 'status');
watch('value', () => {
    const text = (element.querySelector('[data-step]') ?? element).textContent.trim();
    if (said.textContent !== text) said.textContent = text;
});
"""
"""js_on_load for progress that changes all the time: screen readers read out only its steps, and the message at the
end."""


def cards(faces: Sequence[Face], photo: Photo, fold: Callable[[Face], str]) -> str:
    """A grid of cards, one for each face, numbered as the boxes are, with a fold at its end. If there are several, each
    says for find_face.js where its face is, as fractions of the photo."""
    sides = np.tile([photo.width, photo.height], 2)
    places = [" ".join(f"{side:.4f}" for side in face.box / sides) if len(faces) > 1 else "" for face in faces]
    all_cards = (
        _card(number, face, place, fold(face))
        for number, (face, place) in enumerate(zip(faces, places, strict=True), start=1)
    )
    return f'<div class="agr-cards">{"".join(all_cards)}</div>'


def downloads(faces: Sequence[Face], photo: Photo, name: str) -> str:
    """Links to the results as JSON and CSV, in files called `name`."""
    result = {"width": photo.width, "height": photo.height, "faces": [face.to_dict() for face in faces]}
    as_json = data_link(f"{name}_faces.json", "Download JSON", json.dumps(result, indent=2))
    return f'<div class="agr-downloads">{as_json}{data_link(f"{name}_faces.csv", "Download CSV", _csv(faces))}</div>'


def data_link(file: str, title: str, content: str | bytes) -> str:
    """A link that saves `content` as `file`, a JSON, CSV or zip."""
    kind = {".json": "application/json", ".csv": "text/csv", ".zip": "application/zip"}[Path(file).suffix]
    href = data_uri(kind, content.encode() if isinstance(content, str) else content)
    return f'<a class="agr-download" download="{html.escape(file)}" href="{href}">{html.escape(title)}</a>'


def count_of_faces(n: int) -> str:
    """Such as "1 face" or "2,000 faces"."""
    return "1 face" if n == 1 else f"{n:,} faces"


def message(text: str, *, is_error: bool = False) -> str:
    """A sentence for the visitor, announced by screen readers."""
    role, kind = ("alert", "agr-error") if is_error else ("status", "agr-status")
    return f'<p class="{kind}" role="{role}">{html.escape(text)}</p>'


def _card(number: int, face: Face, place: str, fold: str) -> str:
    low, high = face.age_interval
    group = face.age_group.replace("-", "–")
    is_apart = AGE_GROUPS[age_group_of(int(face.age))] != face.age_group
    spread = f'<p class="agr-interval">{SPREAD_OUT}</p>' * is_apart
    badge = f'<span class="agr-unseen">Face </span>{number}'
    if place:
        badge = f'<button type="button" class="agr-number" title="Show in the picture">{badge}</button>'
    return f"""
<article class="agr-card" aria-label="Face {number}"{f' data-box="{place}"' if place else ""}>
  <header>
    <img src="{crop_uri(face.crop)}" width="88" height="88" alt="Face {number} as the network saw it">
    <div>
      <h2{"" if place else ' class="agr-number"'}>{badge}</h2>
      <p class="agr-age"><strong>{face.age:.0f}</strong> years</p>
      <p class="agr-interval">80 % likely {low:.0f} to {high:.0f}</p>
      <p class="agr-interval">likeliest group {group}: {percent(face.age_group_probs[face.age_group])}</p>{spread}
    </div>
  </header>
  {_age_plot(face)}
  {_bars("Gender", face.gender_probs)}
  {_bars("Race", face.race_probs)}
  {fold}
</article>"""


def _bars(title: str, probs: dict[str, float]) -> str:
    top = max(probs, key=lambda label: probs[label])
    rows = "".join(bar(label, p, percent(p), is_top=label == top) for label, p in probs.items())
    return f'<section><h3>{title}</h3><dl class="agr-bars">{rows}</dl></section>'


def bar(label: str, share: float, value: str, *, is_top: bool) -> str:
    """A line of a bar chart: a label, a bar of a length from 0 to 1 (`share`), and its value. `label` and `value` are
    HTML."""
    return (
        f'<div class="agr-bar{" agr-top" * is_top}"><dt>{label}</dt>'
        f'<dd><span class="agr-track"><span style="width:{100 * share:.1f}%"></span></span>'
        f'<span class="agr-value">{value}</span></dd></div>'
    )


def _age_plot(face: Face) -> str:
    """The age distribution as a filled curve, with a band for the interval and a line at the mean."""
    x = np.arange(MAX_AGE + 1) / MAX_AGE * _PLOT_WIDTH
    y = _PLOT_HEIGHT - face.age_probs / face.age_probs.max() * (_PLOT_HEIGHT - 4)
    curve = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    area = f"0,{_PLOT_HEIGHT} {curve} {_PLOT_WIDTH},{_PLOT_HEIGHT}"
    left, right = (age / MAX_AGE * _PLOT_WIDTH for age in face.age_interval)
    mean = face.age / MAX_AGE * _PLOT_WIDTH
    ticks = "".join(
        f'<text x="{age / MAX_AGE * _PLOT_WIDTH:.0f}" y="{_PLOT_HEIGHT + 12}" text-anchor="middle">{age}</text>'
        for age in range(0, 101, 20)
    )
    low, high = face.age_interval
    label = f"Age distribution: mean {face.age:.0f} years, with 80 % between {low:.0f} and {high:.0f}"
    return f"""<section><h3>Age</h3>
<svg class="agr-plot" viewBox="0 0 {_PLOT_WIDTH} {_PLOT_HEIGHT + 16}" role="img" aria-label="{label}">
  <rect x="{left:.1f}" y="0" width="{right - left:.1f}" height="{_PLOT_HEIGHT}" class="agr-band"/>
  <polygon points="{area}" class="agr-area"/>
  <line x1="{mean:.1f}" x2="{mean:.1f}" y1="0" y2="{_PLOT_HEIGHT}" class="agr-mean"/>
  <line x1="0" x2="{_PLOT_WIDTH}" y1="{_PLOT_HEIGHT}" y2="{_PLOT_HEIGHT}" class="agr-axis"/>{ticks}
</svg></section>"""


def percent(p: float) -> str:
    """A probability in whole percent, as HTML; what is close to 0 or 1 is not rounded to it."""
    return ("&lt;1" if 0 < p < 0.01 else "&gt;99" if 0.99 < p < 1 else f"{100 * p:.0f}") + "&nbsp;%"


def jpeg(picture: Image.Image, *, is_fine: bool = False) -> bytes:
    """A small picture, encoded; if it `is_fine`, so that the network says nearly of it what it said of the original:
    of 800 crops, 3 % changed their age by more than half a year, in coarser colours 7 %."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **({"quality": 90, "subsampling": 0} if is_fine else {"quality": 85}))
    return buffer.getvalue()


def crop_uri(crop: np.ndarray) -> str:
    """A crop, uint8 (h, w, 3), as a data: URL for an <img>."""
    return data_uri("image/jpeg", jpeg(Image.fromarray(crop)))


def data_uri(kind: str, content: bytes) -> str:
    """A data: URL, which holds the content itself, so that nothing is kept on the server."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _csv(faces: Sequence[Face]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=["face", *COLUMNS])
    writer.writeheader()
    writer.writerows({"face": number, **face_row(face.to_dict())} for number, face in enumerate(faces, start=1))
    return buffer.getvalue()
