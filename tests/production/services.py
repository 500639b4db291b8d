"""Databases of our own on the Postgres and the Redis of this machine. Where they are: docs/deploy.md."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy.engine import URL, make_url

POSTGRES = os.environ.get("TEST_POSTGRES_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
REDIS = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379"
# Database 0 is left to others. A lock says which one is ours; it ends by itself where we were killed.
REDIS_NUMBERS, LOCK, LOCK_SECONDS = range(15, 0, -1), "higawari-production-suite", 1800


@dataclass(frozen=True)
class OwnRole:
    """A role and a prefix of database names that no other run uses."""

    name: str
    server: URL

    @property
    def address(self) -> str:
        return f"{self.server.host}:{self.server.port or 5432}"


@contextmanager
def own_databases(password: str, names: tuple[str, ...]) -> Iterator[OwnRole]:
    """A role with databases `<role>_<name>`, dropped at the end. Skips where there is no Postgres."""
    role = OwnRole(f"higawari_test_{os.getpid()}_{os.urandom(3).hex()}", make_url(POSTGRES))
    databases = [f"{role.name}_{name}" for name in names]
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {role.server.render_as_string()} (TEST_POSTGRES_URL, docs/deploy.md): {error}")
    with connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role.name), sql.Literal(password))
        )
        try:
            for name in databases:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(role.name)))
            yield role
        finally:
            for name in databases:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role.name)))


@contextmanager
def own_redis_database() -> Iterator[str]:
    """`host:port/number` of an empty database, emptied at the end. Skips where there is no Redis."""
    at = make_url(REDIS)
    for number in REDIS_NUMBERS:
        client = redis.Redis.from_url(f"{REDIS}/{number}")
        try:
            if client.dbsize() or not client.set(LOCK, os.getpid(), nx=True, ex=LOCK_SECONDS):
                continue
        except redis.ConnectionError as error:
            pytest.skip(f"no Redis at {REDIS} (TEST_REDIS_URL, docs/deploy.md): {error}")
        try:
            yield f"{at.host}:{at.port or 6379}/{number}"
        finally:
            client.flushdb()
        return
    pytest.skip(
        f"no empty database at {REDIS}: other runs, or leftovers of killed ones (redis-cli -n <number> flushdb)"
    )
