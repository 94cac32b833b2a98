import av
import pytest
from PIL import Image

from agr.video.frames import Frames, VideoError
from agr.video.writer import BoxPath, mp4_writer
from tests.clips import scene


def test_boxes_move_on_straight_lines_and_end():
    way = BoxPath()
    way.add(1.0, (0, 0, 10, 10))
    way.add(1.2, (20, 40, 30, 50))
    way.add(5.0, (100, 100, 110, 110))
    assert way.at(0.9, gap=1) is None
    assert way.at(1.0, gap=1) == (0, 0, 10, 10)
    assert way.at(1.1, gap=1) == pytest.approx((10, 20, 20, 30))
    assert way.at(1.4, gap=1) == (20, 40, 30, 50)  # not on the way to where it is much later
    assert way.at(2.0, gap=1) is None
    assert way.at(5.2, gap=1) == (100, 100, 110, 110)
    assert way.at(5.3, gap=1) is None


@pytest.mark.parametrize("size", [(320, 240), (321, 243), (21, 20)])
def test_what_is_written_plays_in_browsers(tmp_path, size):
    path = tmp_path / "out.mp4"
    with mp4_writer(path, rate=30) as writer:
        for i in range(10):
            writer.write(scene(i / 10, size=size), i / 10)
        writer.finish()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, len(container.streams)) == ("h264", "yuv420p", 1)
        assert (stream.width, stream.height) == (size[0] // 2 * 2, size[1] // 2 * 2)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before all of it is there
    assert [round(frame.time, 2) for frame in Frames(path, rate=30)] == [i / 10 for i in range(10)]


def test_it_takes_no_more_cores_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr("agr.video.writer.cores", lambda: 1)
    with mp4_writer(tmp_path / "out.mp4", rate=30) as writer:
        writer.write(scene(), 0)
        assert writer._stream.codec_context.thread_count == 1


def test_frames_of_another_size_are_fitted(tmp_path):
    with mp4_writer(tmp_path / "out.mp4", rate=30) as writer:
        writer.write(scene(), 0)
        writer.write(Image.new("RGB", (100, 90)), 1)
        writer.finish()
    assert [frame.photo.rgb.size for frame in Frames(tmp_path / "out.mp4", rate=5)] == [(320, 240)] * 2


def test_what_is_not_finished_leaves_nothing(tmp_path):
    with mp4_writer(tmp_path / "left.mp4", rate=30) as writer:
        writer.write(scene(), 0)
    with pytest.raises(ZeroDivisionError), mp4_writer(tmp_path / "failed.mp4", rate=30) as writer:
        writer.write(scene(), 1 / 0)
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_it_is_said(tmp_path):
    def write() -> None:
        with mp4_writer(tmp_path / "no" / "out.mp4", rate=30) as writer:
            writer.write(scene(), 0)
            writer.finish()

    with pytest.raises(VideoError, match="cannot be written"):
        write()
