"""Celery's configuration for Airflow's workers: Airflow's own, and libraries imported once (decision 0022)."""

from __future__ import annotations

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

# Celery imports them in the worker, before it forks the processes that fork the tasks.
CELERY_CONFIG = {**DEFAULT_CELERY_CONFIG, "imports": ("include.production.preload",)}
