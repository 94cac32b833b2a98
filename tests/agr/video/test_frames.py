"""Every kind of video file, good and bad, into upright frames."""

import gc
import io
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from agr.images import Photo
from agr.video.frames import Frames, VideoError, open_video
from tests.clips import scene, turned, walk, write_clip, write_sound


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", walk(4))


def times(path, **options) -> list[float]:
    return [round(frame.time, 2) for frame in Frames(path, **({"rate": 5} | options))]


def close(a: Image.Image, b: Image.Image) -> bool:
    return a.size == b.size and np.abs(np.asarray(a, float) - np.asarray(b, float)).mean() < 6


def test_frames_come_at_the_rate_that_was_asked_for(clip):
    assert times(clip) == pytest.approx([i / 5 for i in range(20)])
    assert times(clip, rate=3) == pytest.approx([i / 3 for i in range(12)], abs=0.01)
    assert len(times(clip, rate=100)) == 60  # all there are
    with pytest.raises(ValueError, match="above 0"):
        Frames(clip, rate=0)


@pytest.mark.parametrize(("fps", "rate"), [(6, 5), (8, 5), (24, 10), (33, 30), (10, 9.8)])
def test_the_rate_is_kept_where_the_videos_own_is_no_multiple_of_it(tmp_path, fps, rate):
    """Neither half as many frames, as if every second one were too early, nor more."""
    path = write_clip(tmp_path / "odd.mkv", [(t, picture.resize((64, 48))) for t, picture in walk(4, fps=fps)])
    seen = times(path, rate=rate)
    assert len(seen) == pytest.approx(4 * rate, abs=1)


def test_after_a_pause_frames_do_not_crowd(tmp_path):
    moments = [i / 15 for i in range(16)] + [9 + i / 15 for i in range(16)]
    path = write_clip(tmp_path / "pause.mkv", [(moment, scene()) for moment in moments])
    uneven = write_clip(tmp_path / "uneven.mkv", [(t, scene()) for t in (0, 0.39, 0.4, 0.62, 1.01, 1.02, 1.4)])
    assert times(uneven, rate=5) == pytest.approx([0, 0.39, 0.62, 1.01, 1.4], abs=0.002)
    assert times(path, rate=5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1, 9, 9.2, 9.4, 9.6, 9.8, 10], abs=0.002)


def test_what_was_read_is_known_afterwards(clip):
    frames = Frames(clip, rate=5)
    (first, *_) = [frame.photo.rgb for frame in frames]
    assert close(first, scene(0))
    assert (frames.seconds, frames.done) == pytest.approx((4, 1), abs=0.05)
    assert frames.problem is None
    with pytest.raises(RuntimeError, match="once"):
        next(iter(frames))


def test_of_a_moment_with_endless_frames_the_rest_is_left_and_said(clip, monkeypatch):
    monkeypatch.setattr("agr.video.frames._MOST_BETWEEN", 10)
    frames = Frames(clip, rate=1)
    assert [frame.time for frame in frames] == [0]
    assert "more than 10 frames in a moment" in frames.problem


def test_the_cover_of_a_song_is_no_video(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        cover, audio = container.add_stream("png", rate=1), container.add_stream("aac", rate=8000)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 64, 64, "rgb24", Disposition.attached_pic
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8192), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        for stream, frame in ((audio, silence), (cover, av.VideoFrame.from_image(scene(size=(64, 64))))):
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with pytest.raises(VideoError, match="only sound"):
        next(iter(Frames(tmp_path / "song.mp4", rate=5)))


def test_frame_rates_that_vary_keep_their_times(tmp_path):
    moments = [0, 0.05, 0.1, 0.3, 1.5, 1.55, 4.0, 4.1]
    path = write_clip(tmp_path / "vary.mp4", [(t, scene(t / 5)) for t in moments])
    assert times(path) == [0, 0.3, 1.5, 4.0]
    seen = [frame for frame in Frames(path, rate=5) if frame.time == 4]
    assert close(seen[0].photo.rgb, scene(0.8))


@pytest.mark.parametrize(
    ("matrix", "method"),
    [
        ((1, 0, 0, 1), None),
        ((0, 1, -1, 0), Image.Transpose.ROTATE_270),
        ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
        ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
        ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
        ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM),
        ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
        ((0, -1, -1, 0), Image.Transpose.TRANSVERSE),
    ],
)
def test_frames_are_upright(clip, tmp_path, matrix, method):
    first = next(iter(Frames(turned(clip, tmp_path / "turned.mp4", matrix), rate=5))).photo
    wanted = scene(0) if method is None else scene(0).transpose(method)
    assert close(first.rgb, wanted)
    assert (first.width, first.height) == wanted.size


def test_pixels_become_square_and_odd_sizes_stay(tmp_path):
    narrow = write_clip(tmp_path / "narrow.mp4", [(0, scene().resize((160, 240)))], aspect=Fraction(2))
    photo = next(iter(Frames(narrow, rate=5))).photo
    assert (photo.width, photo.height) == (320, 240)
    assert close(photo.rgb, scene())
    odd = write_clip(tmp_path / "odd.mkv", [(0, scene(size=(321, 243)))], codec="ffv1", options={})
    assert next(iter(Frames(odd, rate=5))).photo.rgb.size == (321, 243)


def test_large_frames_are_reduced_and_know_their_size(tmp_path):
    path = write_clip(tmp_path / "large.mp4", [(0, scene(size=(2400, 1200)))])
    photo = next(iter(Frames(path, rate=5))).photo
    assert photo.rgb.size == (1920, 960)
    assert (photo.width, photo.scale) == (2400, 1.25)


@pytest.mark.parametrize(("ending", "codec"), [("mov", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4")])
def test_other_containers(tmp_path, ending, codec):
    path = write_clip(tmp_path / f"clip.{ending}", walk(1), codec=codec, options={})
    assert len(times(path)) == 5


def test_sound_makes_no_difference(tmp_path, clip):
    with_sound = write_clip(tmp_path / "sound.mp4", walk(4), sound=1)
    assert times(with_sound) == times(clip)


def test_sound_that_lasts_longer_is_no_damage(tmp_path):
    frames = Frames(write_clip(tmp_path / "longer.mkv", walk(2), sound=5), rate=5)
    assert len(list(frames)) == 10
    assert frames.problem is None


def test_times_that_leap_ahead_go_on_where_they_were(tmp_path):
    moments = [0, 0.2, 0.4, 400_000, 400_000.2]
    frames = Frames(write_clip(tmp_path / "leap.mkv", [(t, scene()) for t in moments]), rate=5)
    assert [frame.time for frame in frames] == pytest.approx([0, 0.2, 0.4, 0.63], abs=0.01)
    assert frames.problem is None


def test_a_last_frame_of_days_counts_as_any(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "long.mkv", walk(2))

    class Long:  # a decoded frame whose duration was damaged
        def __init__(self, frame):
            self.frame, self.duration = frame, 40_000_000_000

        def __getattr__(self, name):
            return getattr(self.frame, name)

    decoded = Frames._decoded
    monkeypatch.setattr(Frames, "_decoded", lambda *args: map(Long, decoded(*args)))
    frames = Frames(clip, rate=5)
    assert len(list(frames)) == 10
    assert frames.seconds == pytest.approx(2, abs=0.1)


def test_pixels_of_no_possible_shape_count_as_square(tmp_path):
    path = write_clip(tmp_path / "odd.mkv", [(0, scene())], aspect=Fraction(1000))
    photo = next(iter(Frames(path, rate=5))).photo
    assert (photo.width, photo.height) == (320, 240)


def test_frames_that_cannot_be_turned_into_pictures_are_left_out(clip, monkeypatch):
    import agr.video.frames as module

    whole, calls = module._photo, []

    def damaged(*args):
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("no such frame")
        return whole(*args)

    monkeypatch.setattr(module, "_photo", damaged)
    frames = Frames(clip, rate=5)
    assert len(list(frames)) == 19
    assert "damaged" in frames.problem


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_of_a_file_cut_off_the_rest_is_read(tmp_path, ending):
    path = write_clip(tmp_path / f"whole.{ending}", walk(4), options={"preset": "ultrafast", "g": "15"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    frames = Frames(path, rate=5)
    read = list(frames)
    assert 5 < len(read) < 18
    assert frames.problem
    assert "cut off" in frames.problem
    assert "of 4.0 seconds" in frames.problem


def test_an_avi_that_is_cut_off_says_so(tmp_path):
    path = write_clip(tmp_path / "whole.avi", walk(4), codec="mpeg4")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 5])
    frames = Frames(path, rate=5)
    assert len(list(frames)) < 20
    assert "of 4.0 seconds" in frames.problem


def test_a_recordings_second_part_is_whole(tmp_path):
    """Its times begin where those of the first part ended."""
    clip = write_clip(tmp_path / "clip.mp4", walk(4))
    with av.open(str(clip)) as whole, av.open(str(tmp_path / "second.mkv"), "w") as part:
        stream = whole.streams.video[0]
        copy = part.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.dts is not None:
                packet.pts += int(10 / packet.time_base)
                packet.dts += int(10 / packet.time_base)
                packet.stream = copy
                part.mux(packet)
    frames = Frames(tmp_path / "second.mkv", rate=5)
    assert len(list(frames)) == 20
    assert frames.problem is None
    assert frames.seconds == pytest.approx(4, abs=0.1)


def test_of_a_damaged_file_the_rest_is_read(tmp_path):
    path = write_clip(tmp_path / "whole.mp4", walk(4), options={"preset": "ultrafast", "g": "5"})
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(len(content) // 4, len(content), 200):
        content[place] ^= 0xFF
    path.write_bytes(content)
    frames = Frames(path, rate=5)
    assert len(list(frames)) > 5
    assert frames.problem
    assert "damaged" in frames.problem


def test_a_long_video_is_left_at_the_limit(clip):
    frames = Frames(clip, rate=5, longest=2)
    assert max(frame.time for frame in frames) < 2
    assert (frames.seconds, frames.done) == (2, 1)
    assert frames.problem == "Only the first 2 seconds of its 4 were read."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"These are the days of our lives. " * 100, "not a video"),
        (b"#EXTM3U\n#EXTINF:10,\nclip.mp4\n#EXT-X-ENDLIST\n", "not a video"),
        (b"ffconcat version 1.0\nfile clip.mp4\n", "not a video"),
        (b"\0\0\0\x20ftypisom" + b"\0" * 2000, "table of contents"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, clip, content, message):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())  # which the playlists name
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(VideoError, match=message):
        list(Frames(tmp_path / "bad.mp4", rate=5))


def test_what_cannot_be_used_is_refused(tmp_path, clip):
    with pytest.raises(VideoError, match="only sound"):
        list(Frames(write_sound(tmp_path / "sound.m4a"), rate=5))
    for wrong in (b"clip.mp4", io.BytesIO(b"clip"), None, 0):
        with pytest.raises(VideoError, match="Expected the path of a video"):
            list(Frames(wrong, rate=5))
    closed = io.FileIO(__file__)
    closed.close()
    with pytest.raises(VideoError, match="closed"):
        list(Frames(closed, rate=5))
    with pytest.raises(VideoError, match="no file"):
        list(Frames(tmp_path / "nowhere.mp4", rate=5))
    with pytest.raises(VideoError, match="cannot be read"):
        list(Frames(tmp_path, rate=5))
    with pytest.raises(VideoError, match="4200×2400"):
        list(Frames(write_clip(tmp_path / "huge.mp4", [(0, scene(size=(4200, 2400)))]), rate=5))
    with pytest.raises(VideoError, match="at least 20"):
        list(Frames(write_clip(tmp_path / "tiny.mp4", [(0, scene().resize((64, 16)))]), rate=5))
    cut = tmp_path / "no-index.mp4"  # as a camera leaves it whose battery fell out
    content = clip.read_bytes()
    cut.write_bytes(content[: content.index(b"moov") - 4] + content[content.index(b"mdat") - 4 :])
    with pytest.raises(VideoError, match="table of contents"):
        list(Frames(cut, rate=5))


def test_one_frame_is_held_however_long_the_video(clip):
    gc.collect()
    alive = []
    for i, _ in enumerate(Frames(clip, rate=100)):
        if i % 6 == 0:  # it takes a moment
            gc.collect(0)
            alive.append(sum(type(thing) is Photo for thing in gc.get_objects()))
    assert len(alive) == 10
    assert max(alive) <= 3  # this one, the one before, and what a test left


def test_a_file_that_is_open_can_be_deleted_and_read_twice(tmp_path, clip):
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.read_bytes())
    with open_video(path) as file:
        path.unlink()
        assert times(file) == times(file) == times(clip)


def test_two_recordings_that_were_joined_follow_each_other(clip, monkeypatch):
    class Again:  # a decoded frame whose time begins anew half-way
        def __init__(self, frame):
            self.frame, self.time = frame, frame.time % 2

        def __getattr__(self, name):
            return getattr(self.frame, name)

    decoded = Frames._decoded
    monkeypatch.setattr(Frames, "_decoded", lambda *args: map(Again, decoded(*args)))
    frames = Frames(clip, rate=5)
    assert [frame.time for frame in frames] == pytest.approx([i / 5 for i in range(20)], abs=0.05)
    assert (frames.seconds, frames.problem) == (pytest.approx(4, abs=0.1), None)
