"""What a user or an item is shown right now, with titles, categories, sources and reasons: for people who look."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from include.recommender.blocked_lists import LIST_COLUMNS, called_list
from include.recommender.contributions import BASE
from include.recommender.current import (
    current_popular_items,
    current_similar_items,
    current_user_recommendations,
)
from include.recommender.features import FEATURES
from include.recommender.settings import SURFACES
from include.recommender.sources import SOURCES
from include.recommender.tables import (
    BLOCKED_LISTS,
    EVERYBODY,
    ITEMS,
    LIST_EXPLANATIONS,
    USER_ITEMS,
    USER_RECOMMENDATIONS,
    USER_STATS,
)
from include.recommender.user_ids import stored_id
from include.retraining.errors import SettingsError
from include.retraining.publication.blocked import blocked_items, blocked_names, called_item
from include.retraining.publication.reader import read_publication
from include.retraining.publication.switch_log import read_switch_log
from include.retraining.tables import BLOCKED_ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.recommender.settings import RecommenderSettings
    from include.retraining.publication.blocked import Called
    from include.retraining.warehouse.protocol import Warehouse
    from include.retraining.workspace import Workspace

    Recommender = Workspace[RecommenderSettings]

REASONS = 3
DOC_OF_FEATURE = {feature.name: feature.doc for feature in FEATURES}
DOC_OF_SOURCE = {source.name: source.doc for source in SOURCES}


@dataclass(frozen=True)
class Entry:
    """One item of a list. `sources` are (name, what it means); `command` tells more where no features are kept."""

    rank: int
    item_id: str
    title: str
    category: str
    score: float
    sources: Sequence[tuple[str, str]] = ()
    reasons: Sequence[str] = ()
    command: str = ""


@dataclass(frozen=True)
class ShownList:
    """A list as readers get it; `told` says whose it is and what is missing."""

    name: str
    told: str
    entries: Sequence[Entry]

    @property
    def legend(self) -> Sequence[tuple[str, str]]:
        """What proposed its items: each source once, with what it means."""
        return tuple(dict.fromkeys(source for entry in self.entries for source in entry.sources))


@dataclass(frozen=True)
class Answer:
    """What was looked up: facts by name, sentences that need attention, lists."""

    title: str
    facts: Mapping[str, str]
    notes: Sequence[str] = ()
    lists: Sequence[ShownList] = field(default_factory=tuple)


class RecommenderLookUp:
    """Answers from the current publication, by the way applications read it: blocked items and lists are left out."""

    called: ClassVar[Called] = {BLOCKED_ITEMS: called_item, BLOCKED_LISTS: called_list}

    def of_user(self, workspace: Recommender, user_id: str) -> Answer:
        """The lists of a user on every surface; those for everybody where the user has none."""
        warehouse = workspace.warehouse
        current, day = read_switch_log(warehouse).pointer
        if current is None or day is None:
            return nothing_yet(f"User {user_id}")
        stored = stored_id(workspace.settings, user_id)
        known = warehouse.read(USER_STATS, {"as_of_date": day, "user_id": stored}).to_pylist()
        facts = {"Publication": current} | _facts_of_user(known)
        lists = [_list_of(warehouse, day, stored, surface) for surface in SURFACES]
        personal = any(shown.told.startswith("Their own") for shown in lists)
        unknown = () if known or personal or stored == EVERYBODY else (_unknown_user(warehouse, user_id, day),)
        return Answer(f"User {user_id}", facts, unknown, lists)

    def of_item(self, workspace: Recommender, item_id: str) -> Answer:
        """What the catalogue says of an item, whether it is blocked, and the items like it."""
        warehouse = workspace.warehouse
        current, day = read_switch_log(warehouse).pointer
        if current is None or day is None:
            return nothing_yet(f"Item {item_id}")
        found, blocked = catalogue(warehouse, day, [item_id]).get(item_id), _blocked_notes(warehouse, item_id)
        if found is None:
            gone = f"The item has left the catalogue: it is not in that of {day}."
            notes = (gone, *blocked) if blocked else (_unknown_item(workspace, item_id, day),)
            return Answer(f"Item {item_id}", {"Publication": current}, notes)
        popular = {row["item_id"]: row["rank"] for row in current_popular_items(warehouse).to_pylist()}
        facts = {
            "Title": found["title"] or "none",
            "Category": found["category"] or "none",
            "Active": "no: it is in no list" if found["is_active"] is False else "yes",
            "Popular in all": f"rank {popular[item_id]}" if item_id in popular else "not among the listed",
            "Publication": current,
        }
        return Answer(f"Item {item_id}", facts, blocked, [_similar(warehouse, day, item_id)])


def nothing_yet(title: str) -> Answer:
    """Before the first publication."""
    return Answer(title, {}, ("Nothing has been published yet, so readers get no list.",))


def catalogue(warehouse: Warehouse, day: date, item_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Title, category and activity of items in the newest snapshot that is not later than a date."""
    dates = (date.fromisoformat(values["snapshot_date"]) for values in warehouse.partitions(ITEMS))
    snapshot = max((each for each in dates if each <= day), default=None)
    wanted = sorted(set(item_ids))
    if snapshot is None or not wanted:
        return {}
    columns = ["item_id", "title", "category", "is_active"]
    rows = warehouse.read(ITEMS, {"snapshot_date": snapshot, "item_id": wanted}, columns).to_pylist()
    return {row["item_id"]: row for row in rows}


def _unknown_user(warehouse: Warehouse, user_id: str, day: date) -> str:
    an_item = " An item has this id: look it up as an item." if catalogue(warehouse, day, [user_id]) else ""
    return (
        f"Nobody with the id {user_id!r} had done anything before {day}: a new user, or a wrong spelling.{an_item} "
        f"Readers get the list for everybody ({EVERYBODY}) then, which is shown below."
    )


def _unknown_item(workspace: Recommender, item_id: str, day: date) -> str:
    if _is_a_user(workspace, item_id, day):
        return f"No item {item_id!r} is in the catalogue of {day}, but a user has this id: look it up as a user."
    return f"No item {item_id!r} is in the catalogue of {day}: check the spelling, with capitals and zeros."


def _is_a_user(workspace: Recommender, name: str, day: date) -> bool:
    """No without a hash key, which the look-up of an item does not ask for."""
    try:
        where = {"as_of_date": day, "user_id": stored_id(workspace.settings, name)}
    except SettingsError:
        return False
    return bool(workspace.warehouse.read(USER_STATS, where, ["user_id"]).num_rows)


def _facts_of_user(known: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if not known:
        return {}
    row = known[0]
    return {"History": f"{_times(row)}, {row['first_date']} to {row['last_date']}"}


def _times(row: Mapping[str, Any]) -> str:
    return " on ".join(
        f"{row[name]:,} {thing}{'' if row[name] == 1 else 's'}"
        for name, thing in (("events", "event"), ("active_days", "day"))
    )


def _list_of(warehouse: Warehouse, day: date, user_id: str, surface: str) -> ShownList:
    rows = current_user_recommendations(warehouse, user_id, surface).to_pylist()
    own = bool(rows) and rows[0]["user_id"] == user_id
    personal = own and user_id != EVERYBODY
    reasons = _reasons(warehouse, day, user_id, surface, rows) if personal else {}
    explained = _explained_items(warehouse, day, user_id, surface) if own else set()
    titles = catalogue(warehouse, day, (row["item_id"] for row in rows))
    entries = [
        _entry(
            row,
            titles,
            reasons.get(row["item_id"]) or (_without_history(row) if personal else ()),
            _command(surface, user_id, row["rank"]) if own and row["item_id"] not in explained else "",
        )
        for row in rows
    ]
    return ShownList(surface, _whose(warehouse, user_id, surface, rows), entries)


def _without_history(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What can be said of an item that the user never had to do with."""
    docs = [DOC_OF_SOURCE.get(name, name) for name in row["sources"] or ()]
    return (f"no history; proposed by: {'; '.join(docs)}",) if docs else ()


def _command(surface: str, user_id: str, rank: int) -> str:
    """What tells the features that moved the score of a row."""
    user = shlex.quote(user_id)
    return f".venv/bin/python -m include.recommender.explain --surface {surface} --user {user} --rank {rank}"


def _explained_items(warehouse: Warehouse, day: date, user_id: str, surface: str) -> set[str]:
    where = {"as_of_date": day, "surface": surface, "user_id": user_id}
    return set(warehouse.read(LIST_EXPLANATIONS, where, ["item_id"])["item_id"].to_pylist())


def _whose(warehouse: Warehouse, user_id: str, surface: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "Readers get no list here."
    model = rows[0]["model_version"]
    if rows[0]["user_id"] != user_id:
        why = _why_not_their_own(warehouse, user_id, surface, rows[0]["publication_id"])
        return f"The list for everybody, as {why}; made by {model}."
    whose = "The list for everybody" if user_id == EVERYBODY else "Their own list"
    fallback = rows[0]["fallback_reason"]
    rule = f", by a rule ({fallback.replace('_', ' ')})" if fallback and user_id != EVERYBODY else ""
    gaps = ", without what is blocked" if len(rows) < rows[-1]["rank"] else ""
    return f"{whose}{rule}, made by {model}{gaps}."


def _why_not_their_own(warehouse: Warehouse, user_id: str, surface: str, publication_id: str) -> str:
    blocked = {
        (name[LIST_COLUMNS.index("surface")], name[LIST_COLUMNS.index("user_id")])
        for name in blocked_names(warehouse, BLOCKED_LISTS)
    }
    if (surface, user_id) in blocked:
        return "their own is blocked"
    where = {"surface": surface, "user_id": user_id}
    published = read_publication(warehouse, USER_RECOMMENDATIONS, publication_id, where).num_rows
    return "all items of their own are blocked" if published else "they have none of their own"


def _entry(
    row: Mapping[str, Any], titles: Mapping[str, Mapping[str, Any]], reasons: Sequence[str], command: str = ""
) -> Entry:
    known = titles.get(row["item_id"], {})
    sources = [(name.replace("_", " "), DOC_OF_SOURCE.get(name, name)) for name in row.get("sources") or ()]
    title, category = known.get("title") or "", known.get("category") or ""
    return Entry(row["rank"], row["item_id"], title, category, row["score"], sources, reasons, command)


def _reasons(
    warehouse: Warehouse, day: date, user_id: str, surface: str, rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """What the user did with each item, and the features that moved its score where they were kept."""
    pair = {"as_of_date": day, "user_id": user_id, "item_id": [row["item_id"] for row in rows]}
    columns = ["item_id", "events", "active_days", "last_date"]
    found: dict[str, list[str]] = {}
    for row in warehouse.read(USER_ITEMS, pair, columns).to_pylist():
        found.setdefault(row["item_id"], []).append(f"{_times(row)} with it, the last on {row['last_date']}")
    where = {"as_of_date": day, "surface": surface, "user_id": user_id}
    kept = warehouse.read(LIST_EXPLANATIONS, where, ["item_id", "feature", "value", "contribution"]).to_pylist()
    by_item: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(kept, key=lambda row: -abs(row["contribution"])):
        if row["feature"] != BASE:
            by_item.setdefault(row["item_id"], []).append(row)
    for item_id, features in by_item.items():
        found.setdefault(item_id, []).extend(_moved(row) for row in features[:REASONS])
    return found


def _moved(row: Mapping[str, Any]) -> str:
    value = "missing" if row["value"] is None or math.isnan(row["value"]) else f"{row['value']:.4g}"
    doc = DOC_OF_FEATURE.get(row["feature"], row["feature"])
    return f"{row['contribution']:+.2f}: {doc} = {value}"


def _similar(warehouse: Warehouse, day: date, item_id: str) -> ShownList:
    rows = current_similar_items(warehouse, item_id).to_pylist()
    titles = catalogue(warehouse, day, (row["similar_item_id"] for row in rows))
    entries = [_entry(row | {"item_id": row["similar_item_id"]}, titles, ()) for row in rows]
    told = "Readers of this item get these, best first." if rows else "Readers of this item get no similar ones."
    return ShownList("similar items", told, entries)


def _blocked_notes(warehouse: Warehouse, item_id: str) -> list[str]:
    notes = ["The item is blocked: no reader gets it in any list."] if item_id in blocked_items(warehouse) else []
    names = blocked_names(warehouse, BLOCKED_LISTS)
    if item_id in {name[LIST_COLUMNS.index("item_id")] for name in names}:
        notes.append("What is similar to it is blocked as a list.")
    return notes
