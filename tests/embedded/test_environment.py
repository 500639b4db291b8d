"""The environment of the components."""

from pathlib import Path

import pytest

from include.embedded.environment import PROJECT, embedded_environment
from include.embedded.secret_file import ADMIN_PASSWORD, load_secrets


def test_it_holds_what_airflow_needs(home: Path) -> None:
    environment = embedded_environment(home, 8123)
    assert environment["AIRFLOW_HOME"] == str(home / "airflow")
    assert environment["PYTHONPATH"] == str(PROJECT)
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "include.embedded.local_executor.PreloadingLocalExecutor"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8123/execution/"
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["HIGAWARI_HOME"] == str(home)
    assert environment["MLFLOW_TRACKING_URI"] == f"sqlite:///{home}/mlflow/mlflow.db"


def test_relative_homes_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert embedded_environment(Path("var/x"), 8080)["HIGAWARI_HOME"] == str(tmp_path / "var" / "x")


def test_a_relative_config_file_becomes_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGAWARI_CONFIG", "config/mine.toml")
    assert embedded_environment(home, 8080)["HIGAWARI_CONFIG"] == str(Path.cwd() / "config" / "mine.toml")


def test_secrets_are_in_it_but_for_the_password(home: Path) -> None:
    environment, secrets = embedded_environment(home, 8080), load_secrets(home)
    assert environment["HIGAWARI_HASH_KEY"] == secrets["HIGAWARI_HASH_KEY"]
    assert environment["AIRFLOW__CORE__FERNET_KEY"] == secrets["AIRFLOW__CORE__FERNET_KEY"]
    assert ADMIN_PASSWORD not in environment
    assert secrets[ADMIN_PASSWORD] not in environment.values()


def test_nothing_phones_home(home: Path) -> None:
    environment = embedded_environment(home, 8080)
    assert environment["GX_ANALYTICS_ENABLED"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_another_airflow_of_the_machine_does_not_leak_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere/airflow")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    assert "elsewhere" not in "".join(
        embedded_environment(home, 8080)[name] for name in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    )


def test_bytecode_is_cached_outside_the_source_tree(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    environment = embedded_environment(home, 8080)
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONPYCACHEPREFIX"] == str(PROJECT / "var" / "pycache")


def test_overrides_win(home: Path) -> None:
    assert embedded_environment(home, 8080, {"AIRFLOW__CORE__PARALLELISM": "1"})["AIRFLOW__CORE__PARALLELISM"] == "1"


@pytest.mark.parametrize("port", [1024, 65534, 65535])
def test_log_ports_stay_valid_and_differ(home: Path, port: int) -> None:
    environment = embedded_environment(home, port)
    ports = {
        port,
        int(environment["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"]),
        int(environment["AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT"]),
    }
    assert len(ports) == 3
    assert max(ports) <= 65535
