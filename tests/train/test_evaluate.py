import json

import pandas as pd

from train.evaluate import _without_paths
from train.record import options_of


def test_a_recipe_tells_how_far_the_run_came_and_no_path(tmp_path):
    earlier = {"init": "/home/ann/imagenet.safetensors", "epochs": 20, "init_config": None}
    run = {"config": {"init": "/home/ann/runs/a/model.safetensors", "epochs": 5}, "init_config": earlier}
    (tmp_path / "fit.json").write_text(json.dumps(run))
    pd.DataFrame({"epoch": [1, 2, 3]}).to_csv(tmp_path / "history.csv", index=False)
    recipe = _without_paths(options_of(tmp_path))
    assert recipe["epochs_done"] == 3
    assert "ann" not in json.dumps(recipe)
    assert recipe["init_config"]["init"] == "imagenet.safetensors"
