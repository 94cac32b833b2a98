"""What the live tab shows, as HTML: boxes over the camera's picture, a panel, a table. Does not use Gradio."""

import html
import io
from collections.abc import Sequence

from agr.labels import AGE_GROUPS, GENDERS
from agr.render import place_captions
from agr.tracking import Person, TrackedFace
from agr.video.table import write_people

from .cards import bar, data_link, percent

LETTERS = 26
"""A caption's height is the picture's longer side divided by this: legible on a phone, where the picture is 350 pixels
wide."""


def overlay(tracked: Sequence[TrackedFace], size: tuple[int, int], *, frame: int) -> str:
    """An SVG of the frame's size with a box and a caption for each person; the box is dashed, without a caption, for
    those who were seen too briefly to count.

    `frame`: its number, so that no two answers are the same (Gradio does not report an unchanged value).
    """
    letters = max(13, round(max(size) / LETTERS))
    known = [person for person in tracked if person.is_sure]
    boxes = [person.face.box for person in known]
    placed = place_captions([_captions(p) for p in known], boxes, size=size, letters=letters)
    parts = [_box(person) for person in tracked]
    for person, (text, (left, top, right, bottom)) in zip(known, placed, strict=True):
        parts.append(
            f'<g data-caption="{person.number}"><rect class="agr-live-back" x="{left:.0f}" y="{top:.0f}" '
            f'width="{right - left:.0f}" height="{bottom - top:.0f}" rx="3"/>'
            f'<text x="{(left + right) / 2:.0f}" y="{bottom - 0.32 * (bottom - top):.0f}" '
            f'textLength="{right - left - 8:.0f}" lengthAdjust="spacingAndGlyphs" font-size="{letters}">'
            f"{html.escape(text)}</text></g>"
        )
    return (
        f'<svg viewBox="0 0 {size[0]} {size[1]}" data-frame="{frame}" data-faces="{len(tracked)}" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def panel(people: Sequence[Person], here: Sequence[Person], *, seconds: float) -> str:
    """How many people were seen, who is in view (`here`), and the distribution of age and gender over all `people`."""
    head = (
        f"<div><dt>People seen</dt><dd>{len(people)}</dd></div>"
        f'<div class="agr-live-now"><dt>In view</dt><dd>{len(here)}</dd></div>'
        f"<div><dt>Watched</dt><dd>{seconds:.0f} s</dd></div>"
    )
    return (
        f'<div class="agr-card"><dl class="agr-live-counts">{head}</dl>'
        f"{_bars('Age', AGE_GROUPS, [person.age_group_probs for person in people])}"
        f"{_bars('Gender', GENDERS, [person.gender_probs for person in people])}"
        '<p class="agr-interval agr-live-how">Each person counts once. Someone who is 70 % likely to be female '
        f"adds 0.7 to Female and 0.3 to Male.</p>{_in_view(here)}</div>"
    )


def table_link(people: Sequence[Person], *, asked: int) -> str:
    """A link that saves the table of all people as CSV; `asked`: how often it was, so that links differ."""
    text = io.StringIO()
    write_people(text, people)
    return f'<span data-asked="{asked}">{data_link("people.csv", "people.csv", text.getvalue())}</span>'


def _captions(tracked: TrackedFace) -> tuple[str, str, str]:
    person = tracked.person
    low, high = person.age_interval
    short = f"{person.number} · {person.gender[0]} {person.age:.0f}"
    return f"{short} ({low:.0f}–{high:.0f})", short, str(person.number)


def _box(tracked: TrackedFace) -> str:
    left, top, right, bottom = tracked.face.box
    kind = "agr-live-box" if tracked.is_sure else "agr-live-box agr-live-unsure"
    place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="4"'
    return f'<rect class="agr-live-edge" {place}/><rect class="{kind}" {place}/>'


def _in_view(here: Sequence[Person]) -> str:
    if not here:
        return '<p class="agr-live-nobody agr-live-now">Nobody is in view.</p>'
    rows = "".join(
        f'<tr><th scope="row"><span class="agr-number">{person.number}</span></th>'
        f"<td>{person.age:.0f} <small>{person.age_interval[0]:.0f} to {person.age_interval[1]:.0f}</small></td>"
        f"<td>{person.gender} <small>{percent(person.gender_probs[person.gender])}</small></td></tr>"
        for person in here
    )
    return (
        '<table class="agr-table agr-live-people"><thead><tr><th scope="col">Person</th>'
        f'<th scope="col">Age</th><th scope="col">Gender</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _bars(title: str, labels: Sequence[str], each: Sequence[dict[str, float]]) -> str:
    """A bar for each class, as long as its share of all people, with their (fractional) number beside it."""
    totals = {label: sum(probs[label] for probs in each) for label in labels}
    largest = max(totals.values()) or 1.0
    rows = "".join(
        bar(
            label.replace("-", "–"),
            total / max(1, len(each)),
            f"{total:.1f}",
            is_top=bool(each) and total == largest,
        )
        for label, total in totals.items()
    )
    return f'<section><h2>{title}</h2><dl class="agr-bars">{rows}</dl></section>'
