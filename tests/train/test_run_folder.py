"""What a run's folder tells of it, as far as no training is needed; the rest is in test_fit."""

import json

from train.run_folder import config_of


def test_an_init_is_told_as_it_is_finished_or_as_training_left_it(tmp_path):
    run = {"config": {"epochs": 3}, "averaged": ["a", "b"], "balance": {"race": {"Others": 0.3}}}
    (tmp_path / "fit.json").write_text(json.dumps(run))
    assert config_of(tmp_path / "model.safetensors")["averaged"] == 2
    assert config_of(tmp_path / "model.safetensors")["balance"] == run["balance"]
    assert "balance" not in config_of(tmp_path / "best" / "model.safetensors")
