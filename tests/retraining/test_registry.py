"""Champion and challenger in a real MLflow store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from include.retraining.errors import RegistryError
from include.retraining.registry import (
    CHALLENGER,
    EXPERIMENT,
    ModelPackage,
    ModelRegistry,
    RegisteredModel,
    lineage_key,
)

LINEAGE = {"as_of_date": "2026-03-10", "training_set": "abc", "settings": "def"}

# A fresh MLflow store takes five seconds to make.
pytestmark = pytest.mark.integration


def train(seed: int) -> xgboost.Booster:
    generator = np.random.default_rng(seed)
    rows = xgboost.DMatrix(generator.random((30, 2)), generator.random(30), feature_names=["weight", "age"])
    return xgboost.train({"max_depth": 2, "nthread": 1}, rows, 3)


def package(seed: int = 1, **changed: object) -> ModelPackage:
    booster = train(seed)
    made = ModelPackage(
        name="for_you_ranker",
        booster=booster,
        feature_names=["weight", "age"],
        importances={"weight": 1.0, "age": 0.5},
        parameters={"max_depth": 2},
        metrics={"ndcg": 0.5},
        lineage={**LINEAGE, "seed": str(seed)},
        sha256=hashlib.sha256(booster.save_raw("ubj")).hexdigest(),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRegistry]:
    """One store for the module: making its tables takes seconds."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield ModelRegistry(f"sqlite:///{folder}/store/mlflow.db")


@pytest.fixture(scope="module")
def first(registry: ModelRegistry) -> RegisteredModel:
    return registry.register(package(1))


def client(registry: ModelRegistry) -> MlflowClient:
    return MlflowClient(tracking_uri=registry.tracking_uri)


def challenger_of(registry: ModelRegistry, name: str) -> str:
    return str(client(registry).get_model_version_by_alias(name, CHALLENGER).version)


def test_rule_8_a_version_carries_its_lineage_and_hash(first: RegisteredModel) -> None:
    assert first.label == f"for_you_ranker/{first.version}"
    expected = {**LINEAGE, "seed": "1", "model_sha256": package(1).sha256}
    assert {name: first.tags[name] for name in expected} == expected


def test_tags_tell_more_than_the_lineage_and_do_not_change_which_version_is_found(registry: ModelRegistry) -> None:
    made = registry.register(package(1, name="tagged", tags={"features_left_out": "[]"}))
    assert made.tags["features_left_out"] == "[]"
    (run,) = client(registry).search_runs(
        [client(registry).get_experiment_by_name(EXPERIMENT).experiment_id], "tags.features_left_out = '[]'"
    )
    assert run.data.tags["seed"] == "1"
    assert registry.register(package(1, name="tagged", tags={"features_left_out": "[1]"})).label == made.label


def test_rule_3_a_retry_finds_the_version_it_already_registered(
    registry: ModelRegistry, first: RegisteredModel
) -> None:
    assert registry.register(package(1)).label == first.label
    assert registry.find(first.name, {**LINEAGE, "seed": "1"}).label == first.label
    same = [version for version in client(registry).search_model_versions() if version.tags.get("seed") == "1"]
    assert [str(version.version) for version in same if version.name == first.name] == [first.version]


def test_another_lineage_is_not_found(registry: ModelRegistry, first: RegisteredModel) -> None:
    assert registry.find(first.name, {**LINEAGE, "seed": "99"}) is None
    assert registry.find("no_such_model", LINEAGE) is None


def test_rule_3_a_registration_that_is_cut_short_leaves_no_version(
    registry: ModelRegistry, first: RegisteredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def versions() -> set[int]:
        return {int(found.version) for found in client(registry).search_model_versions(f"name = '{first.name}'")}

    before = versions()
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.register_model", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.register(package(3))
    assert versions() == before
    again = registry.register(package(3))
    assert versions() - before == {int(again.version)}
    assert registry.find(first.name, package(3).lineage).label == again.label


def test_the_model_that_is_loaded_is_the_model_that_was_saved(registry: ModelRegistry, first: RegisteredModel) -> None:
    found = registry.load(first)
    assert hashlib.sha256(found).hexdigest() == first.tags["model_sha256"]
    rows = xgboost.DMatrix(np.random.default_rng(5).random((4, 2)), feature_names=["weight", "age"])
    loaded = xgboost.Booster(model_file=bytearray(found))
    assert loaded.predict(rows).tolist() == train(1).predict(rows).tolist()


def test_what_was_just_registered_is_challenger(registry: ModelRegistry, first: RegisteredModel) -> None:
    second = registry.register(package(2))
    assert second.version != first.version
    assert challenger_of(registry, first.name) == second.version
    assert registry.register(package(1)).label == first.label
    assert challenger_of(registry, first.name) == first.version


def test_a_crown_moves_the_alias_and_tags_the_predecessor(registry: ModelRegistry) -> None:
    old, new = (registry.register(package(seed, name="crowned")) for seed in (1, 2))
    assert registry.champion("crowned") is None
    registry.crown(old)
    assert registry.champion("crowned") == old.version
    registry.crown(new)
    registry.crown(new)
    assert registry.champion("crowned") == new.version
    assert registry.get("crowned", old.version).tags["succeeded_by"] == new.version
    assert "succeeded_by" not in registry.get("crowned", new.version).tags


def test_a_crown_that_goes_back_or_is_laid_down_leaves_tags_that_are_true(registry: ModelRegistry) -> None:
    old, new = (registry.register(package(seed, name="laid_down")) for seed in (1, 2))
    registry.crown(old)
    registry.crown(new)
    registry.crown(registry.get("laid_down", old.version))
    assert registry.champion("laid_down") == old.version
    assert "succeeded_by" not in registry.get("laid_down", old.version).tags
    assert registry.get("laid_down", new.version).tags["succeeded_by"] == old.version
    for _ in range(2):
        registry.uncrown("laid_down")
        assert registry.champion("laid_down") is None
    assert registry.get("laid_down", old.version).tags["succeeded_by"] == "none"


def test_tags_are_added_and_others_stay(registry: ModelRegistry, first: RegisteredModel) -> None:
    registry.tag(first, {"decision": "promote"})
    tags = registry.get(first.name, first.version).tags
    assert tags["decision"] == "promote"
    assert first.tags.items() <= tags.items()


def test_artifacts_lie_beside_the_store_and_not_where_the_process_runs(
    registry: ModelRegistry, first: RegisteredModel
) -> None:
    store = Path(registry.tracking_uri.removeprefix("sqlite:///")).parent
    assert list((store / "artifacts").rglob("*.ubj"))


def test_a_version_that_is_not_there_is_a_registry_error(registry: ModelRegistry, first: RegisteredModel) -> None:
    with pytest.raises(RegistryError, match="999"):
        registry.get(first.name, "999")


CALLS = {
    "register": lambda registry: registry.register(package()),
    "find": lambda registry: registry.find("m", LINEAGE),
    "get": lambda registry: registry.get("m", "1"),
    "load": lambda registry: registry.load(RegisteredModel("m", "1", {})),
    "tag": lambda registry: registry.tag(RegisteredModel("m", "1", {}), {"a": "b"}),
    "champion": lambda registry: registry.champion("m"),
    "crown": lambda registry: registry.crown(RegisteredModel("m", "1", {})),
    "uncrown": lambda registry: registry.uncrown("m"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_cannot_be_opened_is_a_registry_error(call: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RegistryError) as error:
        CALLS[call](ModelRegistry(f"sqlite:///{tmp_path}/file/mlflow.db"))
    assert error.value.retry_helps
    assert str(tmp_path) in error.value.expected


@pytest.mark.parametrize("call", [name for name in CALLS if name != "load"])
@pytest.mark.parametrize(
    "failure",
    [OperationalError("SELECT 1", {}, Exception("locked")), MlflowException("503")],
    ids=["database", "server"],
)
def test_a_store_that_says_no_is_a_registry_error(
    call: str, failure: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(_: object) -> MlflowClient:
        raise failure

    monkeypatch.setattr(ModelRegistry, "_client", refuse)
    with pytest.raises(RegistryError):
        CALLS[call](ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db"))


def test_rule_3_the_key_of_a_lineage_does_not_depend_on_its_order() -> None:
    assert lineage_key(LINEAGE) == lineage_key(dict(reversed(LINEAGE.items())))
    assert lineage_key(LINEAGE) != lineage_key({**LINEAGE, "training_set": "abd"})
