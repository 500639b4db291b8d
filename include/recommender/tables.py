"""Every table of the recommender: key, partition, columns."""

from include.recommender.features import FEATURES
from include.retraining.warehouse.table import Table

# The user_id of the lists for who has none of their own.
EVERYBODY = "*"

EVENTS = Table(
    "events",
    "One row per event that passed the row rules. Rebuilt by event_date from every landed file of that date.",
    {
        "event_date": "date", "arrival_date": "date", "row_id": "string", "event_id": "string", "user_id": "string",
        "item_id": "string", "event_type": "string", "occurred_at": "timestamp", "value": "float64",
    },
    key=("event_date", "row_id"),
    partition=("event_date",),
)  # fmt: skip

ITEMS = Table(
    "items",
    "The catalogue as of a date; a run uses the newest snapshot that is not later than its as_of_date.",
    {
        "snapshot_date": "date", "item_id": "string", "category": "string", "title": "string",
        "created_at": "timestamp", "is_active": "bool",
    },
    key=("snapshot_date", "item_id"),
    partition=("snapshot_date",),
)  # fmt: skip

ITEM_STATS = Table(
    "item_stats",
    "What happened to each catalogue item before as_of_date. Weights are micro-units.",
    {
        "as_of_date": "date", "item_id": "string", "category": "string", "is_active": "bool", "created_date": "date",
        "first_date": "date", "last_date": "date", "events": "int64", "users": "int64", "users_1d": "int64",
        "users_3d": "int64", "users_7d": "int64", "users_14d": "int64", "users_28d": "int64", "users_90d": "int64",
        "first_users_7d": "int64", "first_users_28d": "int64", "repeat_users": "int64", "returns": "int64",
        "return_days": "int64", "weight_micros": "int64", "value_micros": "int64",
    },
    key=("as_of_date", "item_id"),
    partition=("as_of_date",),
)  # fmt: skip

USER_STATS = Table(
    "user_stats",
    "What each user did before as_of_date.",
    {
        "as_of_date": "date", "user_id": "string", "first_date": "date", "last_date": "date", "active_days": "int64",
        "events": "int64", "events_7d": "int64", "events_28d": "int64", "events_90d": "int64", "items": "int64",
        "items_28d": "int64", "value_micros": "int64",
    },
    key=("as_of_date", "user_id"),
    partition=("as_of_date",),
)  # fmt: skip

USER_ITEMS = Table(
    "user_items",
    "The pairs of user and item before as_of_date. Visits are the user's days, counted back from the latest (1).",
    {
        "as_of_date": "date", "user_id": "string", "item_id": "string", "first_date": "date", "last_date": "date",
        "last_visit": "int64", "first_visit": "int64", "active_days": "int64", "events": "int64", "events_7d": "int64",
        "events_28d": "int64", "events_90d": "int64", "other_events": "int64", "weight_short_micros": "int64",
        "weight_medium_micros": "int64", "weight_micros": "int64", "value_micros": "int64",
    },
    key=("as_of_date", "user_id", "item_id"),
    partition=("as_of_date",),
)  # fmt: skip

ITEM_SIMILARITIES = Table(
    "item_similarities",
    "The nearest neighbours of each item at as_of_date, by method.",
    {
        "as_of_date": "date", "method": "string", "item_id": "string", "rank": "int64", "similar_item_id": "string",
        "score_micros": "int64",
    },
    key=("as_of_date", "method", "item_id", "rank"),
    partition=("as_of_date",),
)  # fmt: skip

CHOSEN_PARAMETERS = Table(
    "chosen_parameters",
    "What a run chose from the short lists in its settings, and how every value did on the past weeks.",
    {
        "as_of_date": "date", "parameter": "string", "value": "string", "metric": "string", "mean": "float64",
        "users": "int64", "chosen": "bool",
    },
    key=("as_of_date", "parameter", "value"),
    partition=("as_of_date",),
)  # fmt: skip

TRAINING_SET = Table(
    "training_set",
    "What the rankers of as_of_date learn from: candidates at earlier snapshots, with what followed.",
    {
        "as_of_date": "date", "surface": "string", "snapshot_date": "date", "user_id": "string", "item_id": "string",
        "label": "int64",
    }
    | {feature.name: "float32" for feature in FEATURES},
    key=("as_of_date", "surface", "snapshot_date", "user_id", "item_id"),
    partition=("as_of_date", "surface"),
)  # fmt: skip

DRAFT_USER_RECOMMENDATIONS = Table(
    "draft_user_recommendations",
    "Working table: the lists of one shard of users, before they are staged.",
    {
        "as_of_date": "date", "shard": "int64", "surface": "string", "user_id": "string", "rank": "int64",
        "item_id": "string", "score": "float64", "sources": "strings", "fallback_reason": "string",
        "model_version": "string", "arm": "string",
    },
    key=("as_of_date", "shard", "surface", "user_id", "rank"),
    partition=("as_of_date", "shard"),
    unhashed=("model_version",),
    schema_version=2,
)  # fmt: skip

DRAFT_POPULAR_ITEMS = Table(
    "draft_popular_items",
    "Working table: popular items, before they are staged.",
    {"as_of_date": "date", "segment": "string", "rank": "int64", "item_id": "string", "score": "float64"},
    key=("as_of_date", "segment", "rank"),
    partition=("as_of_date",),
)

DRAFT_SIMILAR_ITEMS = Table(
    "draft_similar_items",
    "Working table: similar items, before they are staged.",
    {"as_of_date": "date", "item_id": "string", "rank": "int64", "similar_item_id": "string", "score": "float64"},
    key=("as_of_date", "item_id", "rank"),
    partition=("as_of_date",),
)

BLOCKED_LISTS = Table(
    "blocked_lists",
    "Audit: whole lists that must vanish from live tables (`block`) or may return (`unblock`); the last row counts.",
    {
        "surface": "string", "user_id": "string", "segment": "string", "item_id": "string", "number": "int64",
        "kind": "string", "who": "string", "why": "string", "recorded_at": "timestamp", "run_id": "string",
    },
    key=("surface", "user_id", "segment", "item_id", "number"),
)  # fmt: skip

# The arm is part of the content: were it not, equal lists under other shares would keep their old arms, as an identical
# publication is left alone.
USER_RECOMMENDATIONS = Table(
    "user_recommendations",
    "Published: the list of each user and surface. user_id '*' is for users without a list of their own.",
    {
        "publication_id": "string", "as_of_date": "date", "surface": "string", "user_id": "string", "rank": "int64",
        "item_id": "string", "score": "float64", "sources": "strings", "fallback_reason": "string",
        "model_version": "string", "arm": "string",
    },
    key=("publication_id", "surface", "user_id", "rank"),
    partition=("publication_id",),
    unhashed=("publication_id", "model_version"),
    schema_version=2,
    view="current_user_recommendations",
    item_columns=("item_id",),
    blocked_lists=BLOCKED_LISTS,
)  # fmt: skip

POPULAR_ITEMS = Table(
    "popular_items",
    "Published: what is popular, in all and per category.",
    {
        "publication_id": "string", "as_of_date": "date", "segment": "string", "rank": "int64", "item_id": "string",
        "score": "float64",
    },
    key=("publication_id", "segment", "rank"),
    partition=("publication_id",),
    unhashed=("publication_id",),
    view="current_popular_items",
    item_columns=("item_id",),
    blocked_lists=BLOCKED_LISTS,
)  # fmt: skip

SIMILAR_ITEMS = Table(
    "similar_items",
    "Published: the items most like each item.",
    {
        "publication_id": "string", "as_of_date": "date", "item_id": "string", "rank": "int64",
        "similar_item_id": "string", "score": "float64",
    },
    key=("publication_id", "item_id", "rank"),
    partition=("publication_id",),
    unhashed=("publication_id",),
    view="current_similar_items",
    item_columns=("item_id", "similar_item_id"),
    blocked_lists=BLOCKED_LISTS,
)  # fmt: skip

EXPOSURES = Table(
    "exposures",
    "What applications showed: one row per item, place and time, where they deliver a log of it.",
    {
        "arrival_date": "date", "row_id": "string", "shown_date": "date", "publication_id": "string",
        "surface": "string", "user_id": "string", "item_id": "string", "position": "int64", "shown_at": "timestamp",
    },
    key=("arrival_date", "row_id"),
    partition=("arrival_date",),
)  # fmt: skip

LIST_EXPLANATIONS = Table(
    "list_explanations",
    "Why the items of a sample of users stand where they do: the features that moved each score most (SHAP values).",
    {
        "as_of_date": "date", "shard": "int64", "surface": "string", "user_id": "string", "rank": "int64",
        "item_id": "string", "score": "float64", "feature": "string", "value": "float64", "contribution": "float64",
    },
    key=("as_of_date", "shard", "surface", "user_id", "rank", "feature"),
    partition=("as_of_date", "shard"),
)  # fmt: skip

DRAFT_OF = {
    USER_RECOMMENDATIONS.name: DRAFT_USER_RECOMMENDATIONS,
    POPULAR_ITEMS.name: DRAFT_POPULAR_ITEMS,
    SIMILAR_ITEMS.name: DRAFT_SIMILAR_ITEMS,
}
PUBLISHED_TABLES = (USER_RECOMMENDATIONS, POPULAR_ITEMS, SIMILAR_ITEMS)
RECOMMENDER_TABLES = (
    EVENTS, ITEMS, ITEM_STATS, USER_STATS, USER_ITEMS, ITEM_SIMILARITIES, CHOSEN_PARAMETERS, TRAINING_SET,
    *DRAFT_OF.values(), *PUBLISHED_TABLES, EXPOSURES, LIST_EXPLANATIONS, BLOCKED_LISTS,
)  # fmt: skip
