import pickle

import numpy as np
import pytest

from agr import mtcnn


@pytest.mark.slow
def test_the_weights_are_those_that_torch_reads():
    from facenet_pytorch import MTCNN

    reference = MTCNN()
    for name, tensors in mtcnn.load_weights().items():
        expected = getattr(reference, name).state_dict()
        assert set(tensors) == set(expected)
        for key, tensor in tensors.items():
            assert np.array_equal(tensor, expected[key].numpy())


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(1) * 5, pickle.dumps(print)])
def test_another_file_is_named(tmp_path, content):
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"net\.pt is no state dict"):
        mtcnn.read_state_dict(path)


def test_nothing_is_run_while_reading(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "written"), "w")

    (tmp_path / "net.pt").write_bytes(pickle.dumps(Trap()) * 5)
    with pytest.raises(ValueError, match="it holds"):
        mtcnn.read_state_dict(tmp_path / "net.pt")
    assert not (tmp_path / "written").exists()


def test_a_cut_file_is_refused(tmp_path):
    import facenet_pytorch

    whole = (mtcnn.Path(facenet_pytorch.__file__).parent / "data" / "pnet.pt").read_bytes()
    (tmp_path / "net.pt").write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="is no state dict"):
        mtcnn.read_state_dict(tmp_path / "net.pt")
