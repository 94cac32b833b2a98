"""A video's results as HTML: its people, when they are in view, and every face by time. Does not use Gradio."""

import io
from collections.abc import Mapping, Sequence

import numpy as np

from agr.tracking import MIN_FRAMES, PATIENCE, Person
from agr.video import FaceAtTime
from agr.video.table import time_row, time_writer, write_people

from .cards import count_of_faces, crop_uri, data_link, percent

MOST_ROWS = 1000
"""Rows of the table by time that the page shows; the CSV has all."""
MOST_STEPS = 6
"""Largest number of steps of the time axis: more labels would not fit beside each other on a phone."""


def people_table(people: Sequence[Person], crops: Mapping[int, np.ndarray]) -> str:
    """A row for each person, with a picture of them where there is one."""
    rows = "".join(
        f'<tr><th scope="row"><span class="agr-person"><span class="agr-number">{one.number}</span>'
        f"{_picture(one, crops)}</span></th>"
        f"<td>{one.first_seen:.1f} to {one.last_seen:.1f} s<small>{one.frames} frames</small></td>"
        f"<td><strong>{one.age:.0f}</strong><small>{_between(one.age_interval)}</small></td>"
        f"<td>{one.gender}<small>{percent(one.gender_probs[one.gender])}</small></td>"
        f"<td>{one.race}<small>{percent(one.race_probs[one.race])}</small></td></tr>"
        for one in people
    )
    head = _head("Person", "Seen", "Age", "Gender", "Race")
    table = f'<table class="agr-table agr-people" aria-label="By person">{head}{rows}</table>'
    return f'<div class="agr-scroll" tabindex="0" role="region" aria-label="By person">{table}</div>'


def timeline(
    people: Sequence[Person],
    rows: Sequence[FaceAtTime],
    moments: Sequence[float],
    seconds: float,
    *,
    leads_to_video: bool,
) -> str:
    """A lane for each person, filled while they are in view. `moments`: the times of all analyzed frames.
    `leads_to_video`: clicks show that time in the video with boxes (seek.js)."""
    whole = max(seconds, 0.1)
    order = {moment: place for place, moment in enumerate(moments)}
    lanes = []
    for one in people:
        stretches = _stretches([row.time for row in rows if row.track == one.number], order)
        bars = "".join(_bar(one, begin, end, whole, is_button=leads_to_video) for begin, end in stretches)
        said = ", ".join(f"{begin:.1f} to {end:.1f} seconds" for begin, end in stretches)
        # An image has no buttons in it.
        kind = f'role="group" data-seconds="{whole:.2f}"' if leads_to_video else 'role="img"'
        lane = f'<div class="agr-lane" {kind} aria-label="Person {one.number}: {said}">{bars}</div>'
        lanes.append(f'<span class="agr-number">{one.number}</span>{lane}')
    title = "When they are seen" + ": a click shows it in the video" * leads_to_video
    return (
        f'<h2>{title}</h2><div class="agr-timeline">{"".join(lanes)}'
        f'<span></span><div class="agr-ticks" aria-hidden="true">{_ticks(whole)}</div></div>'
    )


def _bar(one: Person, begin: float, end: float, whole: float, *, is_button: bool) -> str:
    """A stretch of time in a lane."""
    where = f"left:{100 * begin / whole:.2f}%;width:{100 * (end - begin) / whole:.2f}%"
    said = f"{begin:.1f} to {end:.1f} s"
    if not is_button:
        return f'<span style="{where}" title="{said}"></span>'
    return (
        f'<button type="button" style="{where}" title="{said}" data-start="{begin:.3f}" '
        f'aria-label="Show person {one.number} at {begin:.1f} seconds"></button>'
    )


def _ticks(whole: float) -> str:
    """Labels of the time axis, at steps of 1, 2, 5, 10, ... seconds, at most seven."""
    step = next(n * 10**power for power in range(9) for n in (1, 2, 5) if whole / (n * 10**power) <= MOST_STEPS)
    last = int(whole + 0.05)  # rounded as the whole is where it is told
    shares = [(time, min(100, 100 * time / whole)) for time in range(0, last + 1, step)]
    # Shifted by its place's share of its own width, a label at either end stays inside.
    return "".join(
        f'<span style="left:{share:.2f}%;transform:translateX(-{share:.2f}%)">{time} s</span>' for time, share in shares
    )


def time_table(rows: Sequence[FaceAtTime]) -> str:
    """Every face of every analyzed frame, in a collapsed section."""
    shown = "".join(
        f'<tr><th scope="row">{row.time:.1f} s</th><td>{row.track or "–"}</td>'
        f"<td>{row.face['age']:.0f}<small>{_between(row.face['age_interval'])}</small></td>"
        f"<td>{row.face['gender']}<small>{percent(row.face['gender_probs'][row.face['gender']])}</small></td>"
        f"<td>{row.face['race']}<small>{percent(row.face['race_probs'][row.face['race']])}</small></td></tr>"
        for row in rows[:MOST_ROWS]
    )
    rest = f"<p>The first {MOST_ROWS:,} of {len(rows):,}; the CSV has all.</p>" if len(rows) > MOST_ROWS else ""
    if any(row.track is None for row in rows):
        rest += f"<p>– in place of a person: found in fewer than {MIN_FRAMES} frames, too briefly to count.</p>"
    head = _head("Time", "Person", "Age", "Gender", "Race")
    return (
        f'<details class="agr-times"><summary>By time: {count_of_faces(len(rows))}</summary>'
        '<div class="agr-scroll agr-tall" tabindex="0" role="region" aria-label="By time">'
        '<table class="agr-table agr-people" aria-label="By time">'
        f"{head}{shown}</table></div>{rest}</details>"
    )


def video_downloads(people: Sequence[Person], rows: Sequence[FaceAtTime], *, name: str) -> str:
    """Links to both tables as CSV, or only to the one by time if there are no people. `name`: of the video, with which
    the files' names begin."""
    by_person, by_time = io.StringIO(), io.StringIO()
    write_people(by_person, people)
    time_writer(by_time).writerows(time_row(row) for row in rows)
    links = data_link(f"{name}-people.csv", "Download by person (CSV)", by_person.getvalue()) if people else ""
    links += data_link(f"{name}-times.csv", "Download by time (CSV)", by_time.getvalue())
    return f'<div class="agr-downloads">{links}</div>'


def progress_bar(share: float, text: str) -> str:
    """A progress bar: the `share` that is done, 0 to 1, and what is being done."""
    bar = f'<progress max="1" value="{share:.3f}"></progress>'
    return f'<label class="agr-progress"><span><span data-step>{text}</span>: {100 * share:.0f} %</span>{bar}</label>'


def _stretches(times: Sequence[float], order: Mapping[float, int]) -> list[tuple[float, float]]:
    """Begin and end of each stretch of `times` without a gap longer than `PATIENCE`, for which a person keeps their
    number. Between consecutive frames there is no gap, however long the first is shown; `order`: the index of each
    frame by its time."""
    stretches: list[tuple[float, float]] = []
    for time in times:
        if stretches and (time - stretches[-1][1] <= PATIENCE or order[time] - order[stretches[-1][1]] == 1):
            stretches[-1] = (stretches[-1][0], time)
        else:
            stretches.append((time, time))
    return stretches


def _picture(one: Person, crops: Mapping[int, np.ndarray]) -> str:
    if one.number not in crops:
        return ""
    return f'<img src="{crop_uri(crops[one.number])}" width="48" height="48" alt="Person {one.number}">'


def _between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.0f} to {interval[1]:.0f}"


def _head(*names: str) -> str:
    cells = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>"
