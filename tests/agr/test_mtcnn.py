import numpy as np
import pytest

from agr import mtcnn


@pytest.mark.slow
def test_the_weights_are_those_of_facenet_pytorch():
    from facenet_pytorch import MTCNN

    reference = MTCNN()
    for name, tensors in mtcnn.load_weights().items():
        expected = getattr(reference, name).state_dict()
        assert set(tensors) == set(expected)
        for key, tensor in tensors.items():
            assert tensor.dtype == np.float32
            assert np.array_equal(tensor, expected[key].numpy())


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(mtcnn.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install mtcnn"):
        mtcnn.load_weights()
