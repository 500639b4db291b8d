"""docker-compose.yaml and Dockerfile as data: what `docker compose config` would make of them, as far as ours goes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE_FILE, DOCKERFILE = PROJECT / "docker-compose.yaml", PROJECT / "Dockerfile"
# $$, ${NAME}, ${NAME:-default}, ${NAME:?message}
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?P<kind>:-|:\?)?(?P<text>[^}]*)\}")


class MissingVariableError(Exception):
    """A variable without a default has no value: here compose stops, and shows the message."""


@dataclass(frozen=True)
class Service:
    """A service of our own image, as a container of it would run."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    targets: tuple[str, ...]
    health_check: tuple[str, ...]


@cache
def compose_as_written() -> dict[str, Any]:
    """The file with its anchors resolved, and no variable replaced."""
    return dict(yaml.safe_load(COMPOSE_FILE.read_text()))


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace variables in all texts of a structure."""
    if isinstance(value, dict):
        return {key: interpolate(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolate(each, variables) for each in value]
    return VARIABLE.sub(lambda match: _value_of(match, variables), value) if isinstance(value, str) else value


def _value_of(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    if value := variables.get(match["name"]):
        return value
    if match["kind"] == ":-":
        return match["text"]
    raise MissingVariableError(f"{match['name']}: {match['text']}")


def service(name: str, variables: Mapping[str, str], settings: Mapping[str, str]) -> Service:
    """One service with the variables of .env and the settings of settings.env."""
    described = interpolate(compose_as_written()["services"][name], variables)
    from_file = settings if described["env_file"] else {}
    return Service(
        name,
        tuple(described["command"]),
        {**environment_of_image(), **from_file, **described["environment"]},
        tuple(volume.split(":")[1] for volume in described["volumes"]),
        _command_of(described["healthcheck"]["test"]) if "healthcheck" in described else (),
    )


def _command_of(test: list[str]) -> tuple[str, ...]:
    return ("sh", "-c", test[1]) if test[0] == "CMD-SHELL" else tuple(test[1:])


def instructions() -> list[tuple[str, list[str]]]:
    """The Dockerfile: each instruction and its words."""
    return [(words[0], words[1:]) for line in _lines() if (words := shlex.split(line))]


def shell_command(naming: str) -> str:
    """What the shell of the one RUN reads that names this."""
    (line,) = [line for line in _lines() if line.startswith("RUN ") and naming in line]
    return line.removeprefix("RUN ")


def _lines() -> list[str]:
    return re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)).splitlines()


@cache
def environment_of_image() -> Mapping[str, str]:
    """What the last stage of the Dockerfile sets."""
    return dict(word.split("=", 1) for name, words in instructions() if name == "ENV" for word in words)
