"""Candidate sources: ways to find items worth ranking for a user. A new one is a Source in this tuple."""

from include.recommender.sources.categories import LIKED_CATEGORIES, NEW_ITEMS
from include.recommender.sources.neighbours import EASE, ITEM_KNN, ITEM_KNN_RECENT, LAST_BASKET, NEXT_BASKET
from include.recommender.sources.own_history import OWN_HISTORY
from include.recommender.sources.popularity import POPULARITY, RISING
from include.recommender.sources.source import Source

SOURCES: tuple[Source, ...] = (
    OWN_HISTORY,
    ITEM_KNN,
    ITEM_KNN_RECENT,
    LAST_BASKET,
    NEXT_BASKET,
    *EASE,
    *POPULARITY,
    RISING,
    LIKED_CATEGORIES,
    NEW_ITEMS,
)
SOURCE_NAMES = tuple(source.name for source in SOURCES)
