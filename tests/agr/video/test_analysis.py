"""Videos through detector, tracker and encoder."""

import tracemalloc
from itertools import pairwise

import av
import pytest

import agr.video.analysis as module
from agr.render import Mark
from agr.video import MAX_RATE, MIN_RATE, VideoError, VideoRun, analyze_video
from agr.video.frames import Frames
from tests.clips import scene, turned, walk, write_clip
from tests.faces import MASS, make_face

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", walk(4))


@pytest.fixture(scope="module")
def whole(analyzer, clip):
    """The clip's result, and its annotated copy."""
    output = clip.with_name("boxed.mp4")
    return analyze_video(analyzer, clip, output=output), output


def test_one_walker_is_one_person(whole):
    result, _ = whole
    (person,) = result.people
    assert (person.number, person.frames) == (1, 20)
    assert (person.first_seen, person.last_seen) == pytest.approx((0, 3.8))
    assert sum(person.race_probs.values()) == pytest.approx(1)
    assert (result.seconds, result.problem) == (pytest.approx(4, abs=0.05), None)


def test_progress_goes_up_to_all(analyzer, clip, tmp_path):
    run = VideoRun(analyzer, clip, output=tmp_path / "out.mp4")
    done = [step.done for step in run]
    assert done == sorted(done)
    assert done[-1] == 1
    with pytest.raises(RuntimeError, match="once"):
        next(iter(run))


def test_a_row_a_face_and_time(whole):
    rows = whole[0].rows
    assert [row.time for row in rows] == pytest.approx([i / 5 for i in range(20)])
    assert {row.track for row in rows} == {1}
    lefts = [row.face["box"][0] for row in rows]
    assert lefts == sorted(lefts)  # to the right
    said = rows[3].to_dict()
    assert said["time"] == 0.6
    assert {"track", "box", "age", "age_interval", "gender_probs", "race_probs"} <= set(said)


def test_the_annotated_copy_has_every_frame_with_boxes(whole, clip):
    _, output = whole
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.name) == (320, 240, "h264")
        assert float(stream.duration * stream.time_base) == pytest.approx(4, abs=0.1)
    drawn = list(Frames(output, rate=30))
    assert [frame.time for frame in drawn] == pytest.approx([frame.time for frame in Frames(clip, rate=30)], abs=0.001)
    orange = [_orange(frame.photo.rgb) for frame in drawn]
    assert min(orange) > 300
    assert max(map(_orange, (frame.photo.rgb for frame in Frames(clip, rate=5)))) < 100


def _orange(picture) -> int:
    return sum(r > 220 and 140 < g < 210 and b < 70 for r, g, b in picture.get_flattened_data())


def test_boxes_follow_between_the_analyzed_frames(analyzer, clip, monkeypatch):
    import agr.video.analysis as module

    drawn: list[list[Mark]] = []
    monkeypatch.setattr(module, "draw_faces", lambda photo, marks, **_: drawn.append(marks) or photo)
    list(VideoRun(analyzer, clip, output=clip.with_name("follow.mp4")))
    lefts = [marks[0].box[0] for marks in drawn[:57]]  # up to the last analyzed one
    steps = [b - a for a, b in pairwise(lefts)]
    assert len(drawn) == 60
    assert min(steps) > 1
    assert max(steps) < 6  # at (320 - 117) / 60 = 3.4 pixels a frame
    assert {marks[0].number for marks in drawn[:57]} == {1}
    assert drawn[0][0].caption == drawn[56][0].caption


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (-1, 0, 0, -1)])
def test_turned_videos_are_analyzed_and_drawn_upright(analyzer, clip, tmp_path, matrix):
    # The picture in the file lies so that the matrix sets it upright.
    from PIL import Image

    back = {0: Image.Transpose.ROTATE_90, -1: Image.Transpose.ROTATE_180}[matrix[0]]
    laid = write_clip(tmp_path / "laid.mp4", [(i / 10, scene().transpose(back)) for i in range(10)])
    result = analyze_video(analyzer, turned(laid, tmp_path / "turned.mp4", matrix), output=tmp_path / "out.mp4")
    (person,) = result.people
    assert person.frames == 5
    assert next(iter(Frames(tmp_path / "out.mp4", rate=5))).photo.rgb.size == (320, 240)


def test_a_still_that_is_shown_for_long_is_a_person(analyzer, tmp_path):
    path = write_clip(tmp_path / "still.mp4", [(0, scene()), (5, scene()), (10, scene())])
    result = analyze_video(analyzer, path)
    (person,) = result.people
    assert (person.first_seen, person.last_seen) == (0, 10)
    assert [row.track for row in result.rows] == [1, 1, 1]


def test_who_is_found_too_briefly_has_no_track(analyzer, tmp_path):
    empty = scene().crop((0, 0, 60, 45)).resize((320, 240))
    pictures = [(i / 10, scene() if 6 <= i < 9 else empty) for i in range(20)]
    result = analyze_video(analyzer, write_clip(tmp_path / "brief.mp4", pictures))
    assert result.people == ()
    assert [(round(row.time, 1), row.track) for row in result.rows] == [(0.6, None), (0.8, None)]


def test_of_a_file_cut_off_the_rest_is_analyzed(analyzer, tmp_path):
    path = write_clip(tmp_path / "cut.mp4", walk(4), options={"preset": "ultrafast", "g": "15"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    result = analyze_video(analyzer, path, output=tmp_path / "out.mp4")
    assert len(result.people) == 1
    assert result.problem
    assert "cut off" in result.problem
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert 1 < container.duration / av.time_base < 3.5


def test_cancelled_it_keeps_what_it_found(analyzer, clip, tmp_path):
    run, rows = VideoRun(analyzer, clip, output=tmp_path / "out.mp4"), []
    for place, step in enumerate(run):
        rows += step.frame.rows() if step.frame else []
        if place == 2:
            run.stop()
    assert 2 < len(rows) < 15
    assert "Stopped after" in run.problem
    assert list(tmp_path.iterdir()) == []


def test_stopped_while_boxes_are_drawn_only_the_copy_is_missing(analyzer, clip, tmp_path):
    run = VideoRun(analyzer, clip, output=tmp_path / "out.mp4")
    for step in run:
        if step.done > 0.8:
            run.stop()
    assert run.problem == "Stopped while boxes were drawn: the video with boxes was not written."
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_cannot_be_written_costs_nothing_else(analyzer, clip, whole, tmp_path, monkeypatch):
    def full(*_, **__):
        raise VideoError("out.mp4 cannot be written: the disk is full.")

    monkeypatch.setattr("agr.video.analysis.draw_faces", full)
    result = analyze_video(analyzer, clip, output=tmp_path / "out.mp4")
    assert result.problem == "out.mp4 cannot be written: the disk is full."
    assert [one.to_dict() for one in result.people] == [one.to_dict() for one in whole[0].people]
    assert list(tmp_path.iterdir()) == []


def test_left_at_any_step_it_leaves_nothing(analyzer, clip, tmp_path):
    steps = iter(VideoRun(analyzer, clip, output=tmp_path / "out.mp4"))
    while next(steps).done < 0.8:
        pass
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_length(analyzer, tmp_path):
    def most(seconds: int) -> float:
        path = write_clip(tmp_path / f"{seconds}.mp4", walk(seconds, fps=5))
        tracemalloc.start()
        for _ in VideoRun(analyzer, path, output=tmp_path / "out.mp4"):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 1e6

    most(1)  # whatever is loaded once
    short, long = most(4), most(12)
    assert long - short < 1  # where the frames between would be 9 MB, the faces' crops 2 MB


@pytest.mark.parametrize(
    ("output", "message"),
    [("clip.mp4", "the video itself"), ("no/out.mp4", "no folder"), ("out.avi", "end in .mp4"), ("text.mp4", None)],
)
def test_what_cannot_be_written_is_said_first(analyzer, clip, output, message):
    if message is None:
        clip.with_name(output).write_text("x")
        with pytest.raises(VideoError, match="not a video"):
            analyze_video(analyzer, clip.with_name(output))
        return
    with pytest.raises(VideoError, match=message):
        next(iter(VideoRun(analyzer, clip, output=clip.with_name("x").parent / output)))


@pytest.mark.parametrize("rate", [0, MIN_RATE - 0.1, 31])
def test_rates_have_bounds(analyzer, clip, rate):
    with pytest.raises(ValueError, match="2 to 30"):
        VideoRun(analyzer, clip, rate=rate)


@pytest.mark.parametrize("rate", [MIN_RATE, MAX_RATE])
def test_the_bounds_of_rates_belong_to_them(analyzer, clip, rate):
    assert VideoRun(analyzer, clip, rate=rate).people == ()


def test_boxes_lie_on_the_faces_of_a_video_that_is_larger_than_its_copy(analyzer, tmp_path, monkeypatch):
    large = [(time, picture.resize((1920, 1440))) for time, picture in walk(1, fps=5)]
    clip = write_clip(tmp_path / "large.mp4", large)
    drawn, draw = [], module.draw_faces

    def seen(photo, marks, *, width):
        drawn.append((photo.width, width, [mark.box for mark in marks]))
        return draw(photo, marks, width=width)

    monkeypatch.setattr(module, "draw_faces", seen)
    result = analyze_video(analyzer, clip, output=tmp_path / "boxed.mp4")
    assert {(width, whole) for width, whole, _ in drawn} == {(1280, 1920)}
    first = next(boxes[0] for *_, boxes in drawn if boxes)
    assert first == pytest.approx(result.rows[0].face["box"], abs=2)


def test_of_a_long_video_no_more_is_drawn_than_was_analyzed(analyzer, clip, tmp_path):
    run = VideoRun(analyzer, clip, output=tmp_path / "boxed.mp4", longest=2)
    for _ in run:
        pass
    with av.open(str(tmp_path / "boxed.mp4")) as container:
        assert float(container.duration / av.time_base) == pytest.approx(2, abs=0.2)


def test_a_number_that_was_given_back_is_not_put_on_whoever_had_it_before(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", walk(5, fps=5))

    class Seeing:
        """Someone all the time; somebody else for a moment, and from the third second on a third."""

        class config:
            interval_mass = MASS

        def analyze_named(self, photos):
            for i, (time, _) in enumerate(photos):
                yield time, [make_face(100), *([make_face(400)] if i in (1, 2) or i >= 15 else [])]

    result = analyze_video(Seeing(), clip)
    assert [person.number for person in result.people] == [1, 2]
    assert [row.track for row in result.rows if row.face["box"][0] > 200] == [None] * 2 + [2] * 10
