"""Champion and challenger in the MLflow model registry."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from include.retraining.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xgboost
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT = "recommender_daily"
CHAMPION, CHALLENGER = "champion", "challenger"
# Where a model card lies among the artifacts of the run that made the model.
CARD_PAGE = "model_card/model_card.html"
SUCCESSOR = "succeeded_by"
NO_SUCH_ALIAS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class ModelPackage:
    """A trained model with all that a reader of the registry needs. Equal `lineage`, same version."""

    name: str
    booster: xgboost.Booster
    feature_names: Sequence[str]
    importances: Mapping[str, float]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    lineage: Mapping[str, str]
    sha256: str
    tags: Mapping[str, str] = field(default_factory=dict)


def lineage_key(lineage: Mapping[str, str]) -> str:
    """Hash of what went into a model."""
    return hashlib.sha256(json.dumps(dict(lineage), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RegisteredModel:
    """One version in the registry."""

    name: str
    version: str
    tags: Mapping[str, str]

    @property
    def label(self) -> str:
        """What the published tables call it: name/version."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True)
class ModelRegistry:
    """MLflow behind the few calls the DAG needs. `tracking_uri` as MLflow understands it."""

    tracking_uri: str

    def register(self, package: ModelPackage) -> RegisteredModel:
        """Log and register a model, or find the version that an earlier try registered; it becomes challenger."""
        with answer_from(self.tracking_uri):
            found = self.find(package.name, package.lineage) or self._log(package)
            self._client().set_registered_model_alias(package.name, CHALLENGER, found.version)
        return found

    def find(self, name: str, lineage: Mapping[str, str]) -> RegisteredModel | None:
        """The version made from exactly this lineage."""
        with answer_from(self.tracking_uri):
            versions = self._client().search_model_versions(
                f"name = '{name}' and tag.lineage_key = '{lineage_key(lineage)}'"
            )
        return _registered(versions[0]) if versions else None

    def get(self, name: str, version: str) -> RegisteredModel:
        """One version with its tags; RegistryError where the registry does not have it."""
        with answer_from(self.tracking_uri):
            return _registered(self._client().get_model_version(name, version))

    def load(self, model: RegisteredModel) -> bytes:
        """The model file of a version, UBJ bytes."""
        import mlflow

        with answer_from(self.tracking_uri):
            mlflow.set_tracking_uri(self.tracking_uri)
            folder = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{model.name}/{model.version}")
            if file := next(Path(folder).rglob("*.ubj"), None):
                return file.read_bytes()
            raise FileNotFoundError(f"no .ubj file among the artifacts of {model.label}")

    def tag(self, model: RegisteredModel, tags: Mapping[str, str]) -> None:
        """Add tags to a version."""
        with answer_from(self.tracking_uri):
            for key, value in tags.items():
                self._client().set_model_version_tag(model.name, model.version, key, value)

    def attach(self, model: RegisteredModel, files: Mapping[str, str]) -> None:
        """Add text files, by path, to the artifacts of the run that made a version; those there are replaced."""
        run_id = self.run_id(model)
        with answer_from(self.tracking_uri):
            for path, text in files.items():
                self._client().log_text(run_id, text, path)

    def run_id(self, model: RegisteredModel) -> str:
        """The MLflow run that made a version; RegistryError where the registry does not know it."""
        with answer_from(self.tracking_uri):
            if run_id := self._client().get_model_version(model.name, model.version).run_id:
                return str(run_id)
            raise FileNotFoundError(f"no run that made {model.label}")

    def run(self, model: RegisteredModel) -> Run:
        """The MLflow run that made a version, with its parameters and metrics."""
        run_id = self.run_id(model)
        with answer_from(self.tracking_uri):
            return self._client().get_run(run_id)

    def text(self, model: RegisteredModel, path: str) -> str | None:
        """A text file among the artifacts of the run that made a version; None where it is not there."""
        run_id = self.run_id(model)
        with answer_from(self.tracking_uri):
            there = self._client().list_artifacts(run_id, str(Path(path).parent))
            if path not in {file.path for file in there}:
                return None
            with TemporaryDirectory() as folder:
                return Path(self._client().download_artifacts(run_id, path, folder)).read_text(encoding="utf-8")

    def champion(self, name: str) -> str | None:
        """The version the champion alias names: for people; decisions read the decision log."""
        from mlflow.exceptions import MlflowException

        with answer_from(self.tracking_uri):
            try:
                return str(self._client().get_model_version_by_alias(name, CHAMPION).version)
            except MlflowException as error:
                if error.error_code in NO_SUCH_ALIAS:
                    return None
                raise

    def crown(self, model: RegisteredModel) -> None:
        """Move the champion alias. The previous champion is tagged first: promotion is several calls, none atomic."""
        previous = self.champion(model.name)
        if previous == model.version:
            return
        with answer_from(self.tracking_uri):
            client = self._client()
            if previous:
                client.set_model_version_tag(model.name, previous, SUCCESSOR, model.version)
            if SUCCESSOR in model.tags:
                client.delete_model_version_tag(model.name, model.version, SUCCESSOR)
            client.set_registered_model_alias(model.name, CHAMPION, model.version)

    def uncrown(self, name: str) -> None:
        """Take the champion alias away; the one that had it is tagged first."""
        previous = self.champion(name)
        if previous is None:
            return
        with answer_from(self.tracking_uri):
            self._client().set_model_version_tag(name, previous, SUCCESSOR, "none")
            self._client().delete_registered_model_alias(name, CHAMPION)

    def _client(self) -> MlflowClient:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.tracking_uri)

    def _log(self, package: ModelPackage) -> RegisteredModel:
        import mlflow

        mlflow.set_tracking_uri(self.tracking_uri)
        with mlflow.start_run(experiment_id=self._experiment(), run_name=package.lineage.get("as_of_date")):
            mlflow.log_params(dict(package.parameters))
            mlflow.log_metrics(dict(package.metrics))
            mlflow.set_tags({**package.lineage, **package.tags, "model_sha256": package.sha256})
            mlflow.log_dict(dict(package.importances), "feature_importances.json")
            info = mlflow.xgboost.log_model(
                package.booster,
                name="ranker",
                model_format="ubj",
                signature=_signature(package.feature_names),
                pip_requirements=["xgboost-cpu"],
            )
        # Last, and with its tags in one call: a registration that is cut short leaves a run, and no version.
        key = {"model_sha256": package.sha256, "lineage_key": lineage_key(package.lineage)}
        version = mlflow.register_model(info.model_uri, package.name, tags={**package.lineage, **package.tags, **key})
        return self.get(package.name, str(version.version))

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        client = self._client()
        if found := client.get_experiment_by_name(EXPERIMENT):
            return str(found.experiment_id)
        try:
            return client.create_experiment(EXPERIMENT, artifact_location=_artifact_location(self.tracking_uri))
        except MlflowException:
            # Another process made it between the two calls.
            return str(client.get_experiment_by_name(EXPERIMENT).experiment_id)  # type: ignore[union-attr]


def _artifact_location(tracking_uri: str) -> str | None:
    """Beside the SQLite store; a server decides for itself."""
    parsed = urlparse(tracking_uri)
    return (
        (Path(unquote(parsed.path)[1:]).parent / "artifacts").resolve().as_uri() if parsed.scheme == "sqlite" else None
    )


def _signature(feature_names: Sequence[str]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.float, name) for name in feature_names])
    return ModelSignature(inputs, Schema([ColSpec(DataType.float)]))


def _registered(version: ModelVersion) -> RegisteredModel:
    return RegisteredModel(version.name, str(version.version), dict(version.tags))


@contextmanager
def answer_from(uri: str) -> Iterator[None]:
    """Every way in which MLflow, its database or its artifact store says no becomes a RegistryError."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RegistryError(
            f"an answer from the model registry at {uri}", str(error), "check that MLflow is up, then clear the task"
        ) from error
