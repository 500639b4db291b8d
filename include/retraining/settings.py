"""Typed settings: config file, then environment (HIGAWARI_SECTION__KEY), checked before anything costs money."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as UnreadableVariable

from include.retraining.errors import SettingsError
from include.retraining.monitoring.credit import HELD_DAYS

Share = Annotated[float, Field(ge=0, le=1)]
# dataset.table, or project.dataset.table
SourceTable = Annotated[str, Field(pattern=r"^(([a-z0-9-]+\.)?[A-Za-z0-9_]+\.[A-Za-z0-9_-]+)?$")]
Severity = Literal["page", "notice", "recovery"]
# HH:MM, in business.timezone
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
PROJECT = Path(__file__).resolve().parents[2]


def daily_cron(time_of_day: str) -> str:
    """HH:MM of every day as a cron expression."""
    hour, minute = time_of_day.split(":")
    return f"{int(minute)} {int(hour)} * * *"


class Section(BaseModel):
    """A group of settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Business(Section):
    """What a day is, and what counts as success."""

    timezone: str = "UTC"
    run_at: TimeOfDay = "03:00"
    positive_event_types: tuple[str, ...] = ()

    @property
    def run_cron(self) -> str:
        """When the day's run starts, as a cron expression."""
        return daily_cron(self.run_at)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("an IANA timezone name such as UTC, Asia/Tokyo or Europe/London") from error
        return name


class Storage(Section):
    """Where things are; relative paths start at HIGAWARI_HOME."""

    landing: Path = Path("landing")
    warehouse: Path = Path("warehouse")
    spill: Path = Path("spill")
    memory_limit: Annotated[str, Field(pattern=r"^[0-9]+(MB|GB)$")] = "600MB"
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    past_dates_days: Annotated[int, Field(ge=0)] = 8
    past_dates_gib: Annotated[float, Field(ge=0)] = 20.0

    @property
    def landing_folder(self) -> Path:
        """The landing zone."""
        return home_folder() / self.landing.expanduser()

    @property
    def warehouse_folder(self) -> Path:
        """The folder of the embedded warehouse's tables."""
        return home_folder() / self.warehouse.expanduser()

    @property
    def spill_folder(self) -> Path:
        """Where DuckDB spills what does not fit, lists lie while they are staged, and past dates for days."""
        return home_folder() / self.spill.expanduser()


class BigQuery(Section):
    """Where tables are with warehouse = "bigquery", and what a statement may cost."""

    project: str = ""
    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")] = "higawari"
    location: str = "US"
    connection: Annotated[str, Field(min_length=1)] = "google_cloud_default"
    maximum_bytes_billed: Annotated[int, Field(ge=10 * 2**20)] = 200 * 2**30
    read_api: Literal["storage", "rest"] = "storage"
    time_travel_hours: Annotated[int, Field(ge=48, le=168, multiple_of=24)] = 168
    labels: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], str] = Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _none_of_ours(cls, labels: dict[str, str]) -> dict[str, str]:
        if ours := sorted(set(labels) & {"dag", "task", "as_of_date"}):
            raise ValueError(f"labels other than {', '.join(ours)}, which every job of a task gets by itself")
        return labels

    @property
    def work_dataset(self) -> str:
        """The dataset of staged rows and commit numbers, beside the one that people look into."""
        return f"{self.dataset}_work"

    @property
    def restorable_days(self) -> int:
        """For how long what was deleted can be restored: time travel, then seven days of fail-safe (by Google only)."""
        return self.time_travel_hours // 24 + 7


class Ingest(Section):
    """Where events and items come from, and how they become ours."""

    events_table: SourceTable = ""
    items_table: SourceTable = ""
    arrival_column: str = ""
    event_columns: dict[str, str] = Field(default_factory=dict)
    item_columns: dict[str, str] = Field(default_factory=dict)
    deduplicate: Literal["event_id", "content", "none"] = "event_id"
    lookback_days: Annotated[int, Field(ge=0, le=60)] = 3
    wait_for_events_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 180
    allowed_event_types: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _both_tables_or_none(self) -> Self:
        if bool(self.events_table) != bool(self.items_table):
            raise ValueError("events_table and items_table, or neither: then files are read from storage.landing")
        return self


class Quality(Section):
    """From which share or ratio on a check warns, and from which it stops the run."""

    quarantine_warn_share: Share = 0.01
    quarantine_stop_share: Share = 0.05
    volume_warn_ratio: Share = 0.6
    volume_stop_ratio: Share = 0.3
    volume_high_warn_ratio: Annotated[float, Field(gt=1)] = 2.0
    volume_weeks: Annotated[int, Field(ge=1, le=26)] = 4
    unknown_item_warn_share: Share = 0.02
    unknown_item_stop_share: Share = 0.2
    items_max_age_days: Annotated[int, Field(ge=0)] = 2
    value_range: tuple[float, float] = (-1e6, 1e6)

    @model_validator(mode="after")
    def _warn_before_stop(self) -> Self:
        if self.quarantine_warn_share > self.quarantine_stop_share:
            raise ValueError("quarantine_warn_share must not exceed quarantine_stop_share")
        if self.volume_stop_ratio > self.volume_warn_ratio:
            raise ValueError("volume_stop_ratio must not exceed volume_warn_ratio")
        if self.unknown_item_warn_share > self.unknown_item_stop_share:
            raise ValueError("unknown_item_warn_share must not exceed unknown_item_stop_share")
        return self


class Promotion(Section):
    """When a challenger becomes champion."""

    metric: Literal["ndcg@10", "recall@20", "hitrate@10", "map@10"] = "ndcg@10"
    champion_margin: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    min_evaluated_users: Annotated[int, Field(ge=1)] = 50
    min_coverage_ratio: Share = 0.5
    max_novelty_loss: Annotated[float, Field(ge=0)] = 1.0
    max_segment_loss: Share = 0.1
    min_segment_users: Annotated[int, Field(ge=1)] = 50
    approval: Literal["never", "always", "when_uncertain"] = "never"
    approval_hours: Annotated[float, Field(gt=0, le=22)] = 12
    approvers: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    bootstrap_samples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    seed: int = 20240501


class Publication(Section):
    """What a publication must look like, and what happens after a rollback."""

    list_size: Annotated[int, Field(ge=1, le=1000)] = 20
    shards: Annotated[int, Field(ge=1, le=256)] = 2
    valid_days: Annotated[int, Field(ge=1, le=60)] = 2
    min_row_ratio: Share = 0.7
    max_row_ratio: Annotated[float, Field(ge=1)] = 1.5
    min_varied_share: Share = 0.95
    after_rollback: Literal["hold", "resume"] = "hold"


class Experiment(Section):
    """Who gets the best baseline instead of the ranker, so that every day shows what the ranker is worth."""

    salt: Annotated[str, Field(min_length=1)] = "higawari"
    hold_back_share: Annotated[float, Field(ge=0, le=0.5)] = 0.05


class Outcomes(Section):
    """When and how it is measured what became of publications."""

    run_at: TimeOfDay = "09:00"
    mature_days: Annotated[int, Field(ge=0, le=60)] = 3
    window_days: Annotated[int, Field(ge=7, le=90)] = 14
    min_users: Annotated[int, Field(ge=2)] = 100
    relevant_effect: Annotated[float, Field(gt=0, le=1)] = 0.1
    worse_days_in_a_row: Annotated[int, Field(ge=1, le=90)] = 3

    @property
    def oldest_days(self) -> int:
        """How old the publications are that figures may look at, and the one that readers had before them."""
        return max(self.window_days, HELD_DAYS + self.mature_days) + 1

    @property
    def run_cron(self) -> str:
        """When outcomes are measured, as a cron expression."""
        return daily_cron(self.run_at)


class Privacy(Section):
    """How ids of people are kept."""

    hash_user_ids: bool = False


class Drift(Section):
    """From which distance on a day or a week counts as drifted, and from how many days in a row on that is told."""

    run_at: TimeOfDay = "08:00"
    reference_weeks: Annotated[int, Field(ge=2, le=12)] = 4
    short_floor: Share = 0.08
    long_floor: Share = 0.02
    spread_factor: Annotated[float, Field(ge=0, le=100)] = 2.0
    notice_days: Annotated[int, Field(ge=1, le=365)] = 3

    @property
    def run_cron(self) -> str:
        """When the day is looked at, as a cron expression."""
        return daily_cron(self.run_at)


class Costs(Section):
    """What things cost, in any one currency (0: no money is counted), and who hears of it."""

    per_task_hour: Annotated[float, Field(ge=0)] = 0.0
    per_tebibyte: Annotated[float, Field(ge=0)] = 0.0
    summary: Literal["log", "notice"] = "log"


class Retention(Section):
    """For how many days things are kept; what a rollback, a kept publication or a champion needs stays longer."""

    publications_days: Annotated[int, Field(ge=1)] = 30
    keep_publications: Annotated[int, Field(ge=2)] = 7
    drafts_days: Annotated[int, Field(ge=2)] = 7
    features_days: Annotated[int, Field(ge=2)] = 60
    training_sets_days: Annotated[int, Field(ge=2)] = 60
    quarantine_days: Annotated[int, Field(ge=7)] = 90
    data_quality_days: Annotated[int, Field(ge=7)] = 365
    drift_days: Annotated[int, Field(ge=120)] = 400
    exposures_days: Annotated[int, Field(ge=7)] = 90
    history_days: Annotated[int, Field(ge=2)] = 7


class Channel(Section):
    """Where alerts go: the id of an Airflow connection, which holds the secrets."""

    kind: Literal["smtp", "webhook"]
    connection: Annotated[str, Field(min_length=1)]
    to: tuple[str, ...] = ()
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = ("page", "notice", "recovery")

    @model_validator(mode="after")
    def _mail_has_recipients(self) -> Self:
        if (self.kind == "smtp") != bool(self.to):
            raise ValueError("to = [addresses] for smtp, and for nothing else")
        return self


class Alerts(Section):
    """Who is told, and when it is too late."""

    channels: tuple[Channel, ...] = ()
    heartbeat: str = ""
    runbook_url: str = "docs/runbook.md"
    airflow_url: str = ""
    mlflow_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    deadline: TimeOfDay = "07:00"
    repeat_after_minutes: Annotated[float, Field(ge=0, le=24 * 60)] = 60
    rejected_in_a_row: Annotated[int, Field(ge=1, le=365)] = 7

    @property
    def deadline_cron(self) -> str:
        """The deadline as a cron expression."""
        return daily_cron(self.deadline)


class ConfiguredSettings(BaseSettings):
    """Settings of the config file and the environment."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="HIGAWARI_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is pydantic's)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the config file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


class AlertSettings(ConfiguredSettings):
    """The settings of alerts alone: a fault in another section must not silence the alert about it."""

    model_config = SettingsConfigDict(extra="ignore")

    alerts: Alerts = Field(default_factory=Alerts)


class RetrainingSettings(ConfiguredSettings):
    """The settings of the machinery; a use case adds its own sections."""

    warehouse: Literal["local", "bigquery"] = "local"
    business: Business = Field(default_factory=Business)
    storage: Storage = Field(default_factory=Storage)
    bigquery: BigQuery = Field(default_factory=BigQuery)
    ingest: Ingest = Field(default_factory=Ingest)
    quality: Quality = Field(default_factory=Quality)
    promotion: Promotion = Field(default_factory=Promotion)
    publication: Publication = Field(default_factory=Publication)
    experiment: Experiment = Field(default_factory=Experiment)
    outcomes: Outcomes = Field(default_factory=Outcomes)
    privacy: Privacy = Field(default_factory=Privacy)
    retention: Retention = Field(default_factory=Retention)
    drift: Drift = Field(default_factory=Drift)
    costs: Costs = Field(default_factory=Costs)
    alerts: Alerts = Field(default_factory=Alerts)

    @property
    def hash(self) -> str:
        """Hash of every setting but those named here, which change no list; docs/operate.md names the same."""
        looked_at = ("outcomes", "alerts", "retention", "drift", "costs")
        elsewhere = dict.fromkeys(("warehouse", "storage", "bigquery", *looked_at), True)
        text = self.model_dump_json(exclude={**elsewhere, "business": {"run_at"}})
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @model_validator(mode="after")
    def _deadline_follows_the_run(self) -> Self:
        run_at, deadline = self.business.run_at, self.alerts.deadline
        if deadline <= run_at:
            raise _across_sections(
                "alerts.deadline later in the day than business.run_at", f"a run at {run_at}, due at {deadline}"
            )
        return self

    @model_validator(mode="after")
    def _drift_follows_the_run(self) -> Self:
        run_at, looked_at = self.business.run_at, self.drift.run_at
        if looked_at <= run_at:
            raise _across_sections(
                "drift.run_at later in the day than business.run_at", f"a run at {run_at}, drift at {looked_at}"
            )
        return self

    @model_validator(mode="after")
    def _outcomes_follow_the_run(self) -> Self:
        run_at, measured_at = self.business.run_at, self.outcomes.run_at
        if measured_at <= run_at:
            raise _across_sections(
                "outcomes.run_at later in the day than business.run_at", f"a run at {run_at}, measured at {measured_at}"
            )
        return self

    @model_validator(mode="after")
    def _publications_outlast_their_outcomes(self) -> Self:
        kept, needed = self.retention.publications_days, self.outcomes.oldest_days
        if kept < needed:
            raise _across_sections(
                f"retention.publications_days of at least {needed}: the larger of outcomes.window_days and "
                f"{HELD_DAYS} + outcomes.mature_days, and one more",
                f"publications_days = {kept}, window_days = {self.outcomes.window_days}, mature_days = "
                f"{self.outcomes.mature_days}: outcomes would go silent",
            )
        return self

    @model_validator(mode="after")
    def _bigquery_is_named(self) -> Self:
        if self.warehouse == "bigquery" and not self.bigquery.project:
            raise _across_sections("bigquery.project, your Google Cloud project", 'none, and warehouse = "bigquery"')
        if self.ingest.events_table and self.warehouse != "bigquery":
            raise _across_sections(
                'warehouse = "bigquery", where ingest.events_table names a table', f'warehouse = "{self.warehouse}"'
            )
        return self


S = TypeVar("S", bound=ConfiguredSettings)


def config_file() -> Path:
    """The config file in use: HIGAWARI_CONFIG or config/recommender.toml."""
    return Path(os.environ.get("HIGAWARI_CONFIG") or PROJECT / "config" / "recommender.toml")


def home_folder() -> Path:
    """Where landing zone, warehouse and logs live: HIGAWARI_HOME, by default var/main in the project."""
    return Path(os.environ.get("HIGAWARI_HOME") or PROJECT / "var" / "main").resolve()


def load_settings(settings_class: type[S]) -> S:
    """Read and check the settings; SettingsError names every wrong key and what is allowed there."""
    path = config_file()
    if not path.is_file():
        raise SettingsError(
            "a config file", f"nothing at {path}", "set HIGAWARI_CONFIG or restore config/recommender.toml"
        )
    _refuse_unknown_sections(settings_class)
    try:
        return settings_class()
    except ValidationError as error:
        raise SettingsError(*_explain(error, settings_class, path)) from error
    except UnreadableVariable as error:
        raise SettingsError(
            "lists and tables in environment variables as JSON, e.g. [0, 5]",
            str(error),
            "mend HIGAWARI_<SECTION>__<KEY>",
        ) from error
    except ValueError as error:
        raise SettingsError(f"TOML in {path}", str(error), "mend the line named above") from error


def _refuse_unknown_sections(settings_class: type[S]) -> None:
    """Pydantic refuses unknown keys of a section, but passes over a variable whose section it does not know."""
    prefix, delimiter = "HIGAWARI_", "__"
    for variable in os.environ if settings_class.model_config.get("extra") == "forbid" else ():
        section, found, _ = variable.upper().removeprefix(prefix).partition(delimiter)
        if variable.upper().startswith(prefix) and found and section.lower() not in settings_class.model_fields:
            raise SettingsError(
                f"{prefix}<SECTION>{delimiter}<KEY> with a section of: {', '.join(_known_keys(settings_class, ()))}",
                f"unknown section in the environment variable {variable}",
                "mend its name, or unset it",
            )


def _across_sections(expected: str, found: str) -> PydanticCustomError:
    """What a validator of several sections raises: pydantic's own message would show all settings as what was found."""
    return PydanticCustomError("across_sections", "{expected}", {"expected": expected, "found": found})


def _explain(error: ValidationError, settings_class: type[BaseModel], path: Path) -> tuple[str, str, str]:
    expected, found = [], []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            expected.append(f"{key} to be one of: {', '.join(_known_keys(settings_class, problem['loc'][:-1]))}")
            found.append(f"unknown key {key}")
        elif problem["type"] == "across_sections":
            expected.append(problem["msg"])
            found.append(problem["ctx"]["found"])
        else:
            expected.append(f"{key}: {problem['msg'].removeprefix('Value error, ')}")
            found.append(f"{key} = {problem['input']!r}")
    return "; ".join(expected), "; ".join(found), f"mend {path} or the environment variable HIGAWARI_<SECTION>__<KEY>"


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return sorted(model.model_fields)
