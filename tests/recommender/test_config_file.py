"""config/recommender.toml names every setting with its default, and no other."""

from __future__ import annotations

import tomllib
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel

from include.recommender.settings import RecommenderSettings
from tests.simulated_home import PROJECT

FILE = PROJECT / "config" / "recommender.toml"


def as_toml(value: Any) -> Any:
    """A default as it is written in a file."""
    if isinstance(value, BaseModel):
        return {name: as_toml(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, PurePath):
        return str(value)
    return [as_toml(each) for each in value] if isinstance(value, list | tuple) else value


def test_every_key_is_a_setting_with_that_default_and_every_setting_is_a_key() -> None:
    written = tomllib.loads(FILE.read_text(encoding="utf-8"))
    defaults = as_toml(RecommenderSettings.model_construct())
    assert set(written) == set(defaults), f"sections of {FILE.name}: add or remove what differs"
    for section, keys in defaults.items():
        assert written[section] == keys, f"mend [{section}] of {FILE.name}, or the model in settings.py"
