"""What drift is measured on: events, taste, features, scores and lists, each day in fixed bins. Nobody is named."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from include.recommender.contenders import learnt_until
from include.recommender.office import registered
from include.recommender.settings import SURFACES
from include.recommender.sql import sql
from include.recommender.tables import ITEM_STATS, ITEMS, USER_RECOMMENDATIONS
from include.retraining.errors import TrainingDataError
from include.retraining.monitoring.drift import STATISTIC, WEEK, days_before, long_drift, short_drift
from include.retraining.monitoring.tables import DISTRIBUTIONS, DRIFT_METRICS
from include.retraining.promotion.decisions import champion_version
from include.retraining.publication.archive import read_archive

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pyarrow as pa

    from include.recommender.settings import RecommenderSettings
    from include.retraining.monitoring.drift import Distance
    from include.retraining.registry import RegisteredModel
    from include.retraining.settings import Drift
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]
    # Counts by subject, name, day and bin.
    Measured = Mapping[str, Mapping[str, dict[date, dict[str, int]]]]

EVENTS, FEATURES, SCORES, LISTS = "events", "features", "scores", "lists"
SUBJECTS = (EVENTS, FEATURES, SCORES, LISTS)
# A favourite category is that of so many days before.
TASTE_DAYS = 28


@dataclass(frozen=True)
class Reference:
    """What the last week is compared with, in days and in words."""

    days: Sequence[date]
    said: str


def measure(workspace: Recommender, as_of_date: date) -> dict[str, int]:
    """Write the distributions of the days that deliveries may still have mended, and of earlier days that lack them.

    Returns rows by subject. A day's events count where they had arrived by the next day, whatever as_of_date asks.
    """
    warehouse, needed = workspace.warehouse, _needed(workspace, as_of_date)
    there = {(values["subject"], date.fromisoformat(values["day"])) for values in warehouse.partitions(DISTRIBUTIONS)}
    publications = _publications(warehouse)
    with_statistics = {date.fromisoformat(values["as_of_date"]) for values in warehouse.partitions(ITEM_STATS)}
    can_be_measured = {
        EVENTS: {day for day in needed if day < as_of_date},
        FEATURES: needed & with_statistics,
        SCORES: needed & set(publications),
        LISTS: needed & set(publications) & with_statistics,
    }
    first_anew = as_of_date - timedelta(days=workspace.settings.ingest.lookback_days + 1)
    written = {}
    for subject in SUBJECTS:
        days = sorted(day for day in can_be_measured[subject] if day >= first_anew or (subject, day) not in there)
        written[subject] = _write(workspace, subject, days, publications, as_of_date) if days else 0
    return written


def compare(workspace: Recommender, as_of_date: date) -> list[dict[str, Any]]:
    """Rows of DRIFT_METRICS of as_of_date; what has too little to be compared with has none."""
    reference, rules = training_window(workspace, as_of_date), workspace.settings.drift
    measured = _read(workspace.warehouse, sorted(_needed(workspace, as_of_date)))
    measured = {**measured, SCORES: _all_scores(workspace.warehouse, as_of_date)}
    before = _days_in_a_row(workspace.warehouse, as_of_date - timedelta(days=1))
    rows = []
    for subject, names in measured.items():
        day = as_of_date - timedelta(days=1) if subject == EVENTS else as_of_date
        for name, days in names.items():
            own = _first_week(days, day) if subject == SCORES else reference
            for horizon, found in _distances(days, day, own, rules).items():
                key = (horizon, subject, name)
                in_a_row = before.get(key, 0) + 1 if found.drifted else 0
                rows.append(_row(as_of_date, key, found, in_a_row))
    return sorted(rows, key=lambda row: [row[name] for name in DRIFT_METRICS.key])


def training_window(workspace: Recommender, as_of_date: date) -> Reference:
    """The days whose labels the champion learnt from: of several surfaces' champions, the one that learnt longest ago.

    Without a champion, the four weeks before the last one.
    """
    champions = [champion_version(workspace.warehouse, surface, as_of_date) for surface in SURFACES]
    models = [registered(workspace, label) for label in champions if label]
    if not models:
        days = days_before(as_of_date - timedelta(days=WEEK), 4 * WEEK)
        return Reference(days, f"no champion: the four weeks {days[0]} to {days[-1]}")
    oldest = min(models, key=lambda model: (learnt_until(model), model.label))
    recent = days_before(as_of_date, WEEK)
    days = [day for day in _labelled_days(oldest) if day < recent[0]]
    return Reference(days, f"the training window of {oldest.label}, {days[0]} to {days[-1]}" if days else oldest.label)


def persistent(rows: Iterable[Mapping[str, Any]], notice_days: int) -> list[str]:
    """A line for each measure that has drifted for `notice_days` days in a row, and again for every so many."""
    return [
        f"{row['horizon']} drift of {row['subject']}, {row['name']}, for {row['days_in_a_row']} days: "
        f"{row['value']:.3f} (usual up to {row['threshold']:.3f}) from {row['reference']}"
        for row in rows
        if row["days_in_a_row"] and row["days_in_a_row"] % notice_days == 0
    ]


def _needed(workspace: Recommender, as_of_date: date) -> set[date]:
    """Days that a comparison on as_of_date looks at."""
    weeks = days_before(as_of_date + timedelta(days=1), WEEK * (workspace.settings.drift.reference_weeks + 1) + 1)
    return {*weeks, *training_window(workspace, as_of_date).days}


def _labelled_days(model: RegisteredModel) -> list[date]:
    training = json.loads(model.tags["training_settings"])
    steps = int(model.tags["chosen_snapshots"]) - 1
    return days_before(learnt_until(model), training["label_days"] + steps * training["snapshot_step_days"])


def _write(
    workspace: Recommender, subject: str, days: Sequence[date], publications: Mapping[date, str], as_of_date: date
) -> int:
    import pyarrow as pa

    warehouse = workspace.warehouse
    if subject == EVENTS:
        rows = _events(warehouse, workspace.settings, days, as_of_date)
    else:
        query = sql(f"drift_{subject}")
        parameters = [{"as_of_date": day, "publication_id": publications.get(day)} for day in days]
        rows = pa.concat_tables([warehouse.query(query, each) for each in parameters])
    rows = rows.append_column("subject", pa.array([subject] * rows.num_rows, pa.string()))
    return warehouse.replace(DISTRIBUTIONS, {"day": list(days), "subject": subject}, DISTRIBUTIONS.conform(rows)).rows


def _events(warehouse: Warehouse, settings: RecommenderSettings, days: Sequence[date], known_until: date) -> pa.Table:
    """Each day with the catalogue of the day after it, when its events had arrived."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    for snapshot, of_it in _by_snapshot(warehouse, days, known_until).items():
        parameters = {
            "first_day": of_it[0], "last_day": of_it[-1], "items_snapshot_date": snapshot,
            "timezone": settings.business.timezone, "taste_days": TASTE_DAYS,
        }  # fmt: skip
        found = pa.concat_tables([warehouse.query(sql(name), parameters) for name in ("drift_events", "drift_taste")])
        parts.append(found.filter(pc.is_in(found["day"], pa.array(of_it, pa.date32()))))
    return pa.concat_tables(parts)


def _by_snapshot(warehouse: Warehouse, days: Sequence[date], known_until: date) -> dict[date, list[date]]:
    """Days by the items snapshot that counts on the day after them; an early day has the first one there is."""
    dates = [date.fromisoformat(values["snapshot_date"]) for values in warehouse.partitions(ITEMS)]
    known = sorted(snapshot for snapshot in dates if snapshot <= known_until)
    if not known:
        raise TrainingDataError(
            f"an items snapshot of {known_until} or earlier", "an empty catalogue", "land items, then run again"
        )
    by_snapshot: dict[date, list[date]] = defaultdict(list)
    for day in days:
        newest = max((snapshot for snapshot in known if snapshot <= day + timedelta(days=1)), default=known[0])
        by_snapshot[newest].append(day)
    return by_snapshot


def _publications(warehouse: Warehouse) -> dict[date, str]:
    """The publication of each date that readers had last, else the last one that passed its checks, if it is kept."""
    archive = read_archive(warehouse)
    had = [switch.to_publication_id for switch in archive.log.switches if switch.kind == "publish"]
    shown = {archive.rows[name]["as_of_date"]: name for name in had if name in archive.rows}
    made = {row["as_of_date"]: name for name, row in reversed(list(archive.rows.items()))}
    kept = {values["publication_id"] for values in warehouse.partitions(USER_RECOMMENDATIONS)}
    return {day: name for day, name in (made | shown).items() if name in kept}


def _read(warehouse: Warehouse, days: Collection[date]) -> Measured:
    return _nested(warehouse.read(DISTRIBUTIONS, {"day": list(days), "subject": [EVENTS, FEATURES, LISTS]}))


def _all_scores(warehouse: Warehouse, as_of_date: date) -> Mapping[str, dict[date, dict[str, int]]]:
    """Of the rankers of as_of_date, on every day on which they served until then."""
    import pyarrow.compute as pc

    today = warehouse.read(DISTRIBUTIONS, {"day": as_of_date, "subject": SCORES}, ["name"])["name"].unique().to_pylist()
    if not today:
        return {}
    rows = warehouse.read(DISTRIBUTIONS, {"subject": SCORES, "name": today})
    return _nested(rows.filter(pc.less_equal(rows["day"], as_of_date)))[SCORES]


def _nested(rows: pa.Table) -> Measured:
    measured: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for row in rows.to_pylist():
        measured[row["subject"]][row["name"]][row["day"]][row["bin"]] = row["count"]
    return measured  # type: ignore[no-any-return]


def _first_week(days: Iterable[date], day: date) -> Reference:
    """The first days on which a ranker served: scores of other models say nothing about its own."""
    before = day - timedelta(days=WEEK - 1)
    first = sorted(each for each in days if each < before)[:WEEK]
    return Reference(first, f"its first week in use, {first[0]} to {first[-1]}" if first else "")


def _distances(
    days: Mapping[date, Mapping[str, int]], day: date, reference: Reference, rules: Drift
) -> dict[str, Distance]:
    week = days_before(day + timedelta(days=1), WEEK)
    found = {
        "short": short_drift(days, day, rules),
        "long": long_drift(days, week, reference.days, rules, reference.said) if day in days else None,
    }
    return {horizon: distance for horizon, distance in found.items() if distance}


def _days_in_a_row(warehouse: Warehouse, as_of_date: date) -> dict[tuple[str, str, str], int]:
    rows = warehouse.read(DRIFT_METRICS, {"as_of_date": as_of_date}).to_pylist()
    return {(row["horizon"], row["subject"], row["name"]): row["days_in_a_row"] for row in rows}


def _row(as_of_date: date, key: tuple[str, str, str], found: Distance, in_a_row: int) -> dict[str, Any]:
    horizon, subject, name = key
    return {
        "as_of_date": as_of_date, "horizon": horizon, "subject": subject, "name": name, "statistic": STATISTIC,
        "value": found.value, "threshold": found.threshold, "drifted": found.drifted, "days_in_a_row": in_a_row,
        "rows": found.rows, "reference_rows": found.reference_rows, "reference": found.reference,
    }  # fmt: skip
