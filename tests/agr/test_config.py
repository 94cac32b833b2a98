import json
from dataclasses import asdict

import pytest

from agr.align import TEMPLATE
from agr.config import CONFIG_FILE, ModelConfig, ModelError, read_config


@pytest.fixture
def written(tmp_path):
    """written(values) -> a config.json that holds them."""

    def write(values):
        path = tmp_path / CONFIG_FILE
        path.write_text(json.dumps(values))
        return path

    return write


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backbone", "resnet_of_mine"),
        ("input_size", 8),
        ("input_size", "128"),
        ("mean", [0.5, 0.5]),
        ("std", [0, 0.5, 0.5]),
        ("template", [[0, 0]]),
        ("genders", ["Female", "Male"]),
        ("races", ["White"]),
        ("age_groups", ["0-2"]),
        ("n_ages", 101),
        ("temperatures", {"age": 1.0}),
        ("temperatures", {"age": 1.0, "gender": -1.0, "race": 1.0}),
        ("temperatures", {"age": 1e-308, "gender": 1.0, "race": 1.0}),
        ("temperatures", {"age": 10**400, "gender": 1.0, "race": 1.0}),
        ("template", [[0.5, 0.5]] * 5),
        ("template", [[x * 1e-3, y * 1e-3] for x, y in TEMPLATE]),
        ("template", [[x + 2, y] for x, y in TEMPLATE]),
        ("template", [[1 - x, y] for x, y in TEMPLATE]),
        ("std", [1e-45] * 3),
        ("mean", [float("nan"), 0.5, 0.5]),
        ("age_spread", 1.0),
        ("age_spread", "1"),
        ("age_spread", [1.0]),
        ("age_spread", [1.0] * 5 + [0]),
        ("interval_mass", 0.8),
        ("interval_mass", [0.8] * 5),
        ("interval_mass", [0.8] * 8 + [1.5]),
        ("mean", 5),
        ("template", 3),
        ("temperatures", ["age", "gender", "race"]),
        ("input_size", 128.5),
        ("schema_version", 99),
        ("schema_version", 1),
        ("mean", None),
        ("surprise", 1),
    ],
)
def test_a_config_that_does_not_fit_names_the_key(written, key, value):
    values = asdict(ModelConfig()) | {key: value}
    with pytest.raises(ModelError, match=key):
        read_config(written({k: v for k, v in values.items() if v is not None}))


def test_a_backbone_may_need_larger_crops():
    assert ModelConfig(backbone="face_resnet", input_size=103)
    with pytest.raises(ModelError, match="of 103 to 1024 pixels for face_resnet, got 102"):
        ModelConfig(backbone="face_resnet", input_size=102)


def test_a_config_survives_json(written):
    temperatures = {"age": 1.2, "gender": 0.9, "race": 1.1}
    masses = (0.8, 0.7, 0.8, 0.7, 0.75, 0.8, 0.85, 0.8, 0.9)
    config = ModelConfig(input_size=64, temperatures=temperatures, interval_mass=masses)
    assert read_config(written(asdict(config))) == config


@pytest.mark.parametrize(("version", "spread"), [(2, {}), (3, {"age_spread": 0.8})])
def test_configs_of_earlier_versions_had_fewer_ages(written, version, spread):
    values = asdict(ModelConfig()) | {"interval_mass": [0.5, 0.6, 0.7, 0.8, 0.9]}
    del values["age_spread"]
    found = read_config(written(values | spread | {"schema_version": version}))
    assert found.age_spread == (spread.get("age_spread", 1.0),) * 6
    assert found.interval_mass == pytest.approx((0.5, 0.5, 0.5, 0.54, 0.58, 0.625, 0.7, 0.8, 0.9))


def test_version_3_had_a_spread(written):
    values = asdict(ModelConfig()) | {"schema_version": 3}
    del values["age_spread"]
    with pytest.raises(ModelError, match="age_spread"):
        read_config(written(values))


@pytest.mark.parametrize("content", ["[]", "{", '"x"'])
def test_a_broken_config_is_named(tmp_path, content):
    (tmp_path / CONFIG_FILE).write_text(content)
    with pytest.raises(ModelError, match=CONFIG_FILE):
        read_config(tmp_path / CONFIG_FILE)
