"""Makes the two datasets of [bigquery]: `python -m include.retraining.warehouse.bigquery.create_dataset`."""

from __future__ import annotations

import sys

from include.retraining.errors import HigawariError
from include.retraining.publication.freshness import MachinerySettings
from include.retraining.settings import load_settings
from include.retraining.warehouse.bigquery.jobs import Jobs
from include.retraining.warehouse.bigquery.problems import explained


def create_datasets(jobs: Jobs) -> list[str]:
    """Make what is missing; the full names of both. Datasets that are there stay as they are."""
    from google.cloud.bigquery import Dataset

    settings, made = jobs.settings, []
    about = {
        settings.dataset: "Higawari: recommendations and what they are made from",
        settings.work_dataset: "Higawari at work: staged rows, which expire, and commit numbers. Not for readers",
    }
    for name, description in about.items():
        dataset = Dataset(f"{settings.project}.{name}")
        dataset.location, dataset.description = settings.location, description
        dataset.max_time_travel_hours = settings.time_travel_hours
        with explained(f"make the dataset {name}"):
            jobs.client.create_dataset(dataset, exists_ok=True)
        made.append(f"{settings.project}.{name}")
    return made


def main() -> int:
    """Make them for the configured project, and say so."""
    try:
        print("\n".join(create_datasets(Jobs(load_settings(MachinerySettings).bigquery))))
    except HigawariError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
