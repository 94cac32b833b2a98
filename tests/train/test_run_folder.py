"""Where things lie in a run."""

from train.run_folder import trained


def test_what_a_run_gave_is_its_best_epoch_and_of_a_model_itself(tmp_path):
    assert trained(tmp_path) == tmp_path
    (tmp_path / "best").mkdir()
    assert trained(tmp_path) == tmp_path / "best"
