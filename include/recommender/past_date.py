"""A past date, as short lists, training and evaluation look at it; what one task made of it the next one finds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, cast

from include.recommender.kept_files import KeptFiles
from include.recommender.similarities import compute_similarities, settings_of
from include.recommender.snapshot import EVERYBODY, TOUCHED, bounds_of, methods_to_make, snapshot_of, with_rows
from include.recommender.statistics import known_users_query, statistics_at, statistics_query, touched_pairs_query
from include.recommender.tables import EVENTS, ITEM_STATS, ITEMS, USER_ITEMS, USER_STATS
from include.retraining.code_version import code_version
from include.retraining.warehouse.protocol import TellsChanges, pieces_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    import pyarrow as pa
    from scipy import sparse

    from include.recommender.settings import RecommenderSettings
    from include.recommender.snapshot import Part, Snapshot
    from include.retraining.warehouse.protocol import Query, Warehouse

    Matrices = Mapping[str, sparse.csr_matrix]


FOLDER = "past_dates"


@dataclass(frozen=True)
class PastDate:
    """What was known before `day`, made anew from events and items; no table changes.

    `known_until` is the as_of_date of the run: an items snapshot up to then may stand in for an earlier, missing one.
    Items and similarities are kept in `storage.spill`, under a hash of the queries and the code that make them and of
    the state of the partitions that they are made from: a run a week later looks at the same date again. `methods` of
    similarity are made, by default those that the sources in use and `similar_items` read.
    """

    warehouse: Warehouse
    settings: RecommenderSettings
    day: date
    known_until: date
    methods: Collection[str] | None = None

    def known_and_strangers(self, wanted: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The rows of `wanted` (by user_id) of users who had done anything by then, and those of the others."""
        import pyarrow.compute as pc

        known = pc.is_in(wanted["user_id"], value_set=self._users["user_id"].combine_chunks())
        return wanted.filter(known), wanted.filter(pc.invert(known))

    def of_users(self, users: Collection[str]) -> Snapshot:
        """Everybody's items and similarities; rows of some users alone."""
        # Queries first: what they need of memory is free again before the matrices come.
        rows = [
            statistics_at(self.warehouse, self.settings, table, self.day, self.day, sorted(users))
            for table in (USER_STATS, USER_ITEMS)
        ]
        return with_rows(self.of_nobody(), rows[0], rows[1:])

    def of_everybody(self) -> Snapshot:
        """All columns and pairs, and similarities."""
        return self.of_part(EVERYBODY)

    def of_part(self, part: Part) -> Snapshot:
        """Everybody's items and similarities; rows of a part of the users alone."""
        nobody = self.of_nobody()
        between = bounds_of(nobody.user_ids, part)
        users, pairs = (
            statistics_query(self.warehouse, self.settings, table, self.day, self.day, between=between)
            for table in (USER_STATS, USER_ITEMS)
        )
        return with_rows(nobody, USER_STATS.conform(self._rows(users)), pieces_of(self.warehouse, pairs))

    def of_nobody(self) -> Snapshot:
        """Items, ids of users and similarities; nobody's rows."""
        kept, users = self.kept_files(), self._users
        methods = methods_to_make(self.settings) if self.methods is None else set(self.methods)
        if kept is None:
            return self._nobody(self._items, users, self._computed(methods))
        with kept.alone():
            items = kept.table(ITEM_STATS.name)
            stored = {method: kept.matrix(self._name_of(method)) for method in methods}
            found = {method: matrix for method, matrix in stored.items() if matrix is not None}
            missing = methods - set(found)
            if items is None or missing:
                items, made = self._items, self._computed(missing)
                found |= made
                # Were the tables written to meanwhile, nobody could tell what this was made from.
                if self.kept_files() == kept:
                    kept.keep_table(ITEM_STATS.name, items)
                    for method, matrix in made.items():
                        kept.keep_matrix(self._name_of(method), matrix)
        return self._nobody(items, users, found)

    @cached_property
    def touched(self) -> Snapshot:
        """Everybody's pairs, with no more columns than similarities look at."""
        return snapshot_of(self.day, self._items, self._users, pieces_of(self.warehouse, self._pairs_query))

    def _computed(self, methods: Collection[str]) -> dict[str, sparse.csr_matrix]:
        if not methods:
            return {}
        return compute_similarities(self.touched, self.settings, methods, self.settings.training.threads)

    def _nobody(self, items: pa.Table, users: pa.Table, similarities: Matrices) -> Snapshot:
        """The state without pairs."""
        pairs = USER_ITEMS.schema_of(TOUCHED).empty_table()
        return replace(snapshot_of(self.day, items, users, [pairs]), similarities=similarities)

    @cached_property
    def _items(self) -> pa.Table:
        return ITEM_STATS.conform(self._rows(self._items_query))

    @cached_property
    def _users(self) -> pa.Table:
        """Never kept: an erased id must not be found on any machine."""
        return self._rows(known_users_query(self.settings, self.day))

    @cached_property
    def _items_query(self) -> Query:
        return statistics_query(self.warehouse, self.settings, ITEM_STATS, self.day, self.known_until)

    @property
    def _pairs_query(self) -> Query:
        return touched_pairs_query(self.settings, self.day)

    def _rows(self, query: Query) -> pa.Table:
        return self.warehouse.query(query.sql, query.parameters)

    def kept_files(self) -> KeptFiles | None:
        """Where all that is made of the tables as they are now belongs; None where the warehouse cannot tell."""
        if not isinstance(self.warehouse, TellsChanges):
            return None
        oldest = self.day - timedelta(days=self.settings.features.history_days)
        catalogue = cast("date", self._items_query.parameters["items_snapshot_date"])
        states = [
            self.warehouse.state(EVENTS, (oldest, self.day - timedelta(days=1))),
            self.warehouse.state(ITEMS, (catalogue, catalogue)),
        ]
        made_from = [code_version(), *states, repr(self._items_query), repr(self._pairs_query)]
        key = hashlib.sha256("\n".join(made_from).encode()).hexdigest()[:32]
        storage = self.settings.storage
        return KeptFiles(storage.spill_folder / FOLDER / key, storage.past_dates_days, storage.past_dates_gib)

    def _name_of(self, method: str) -> str:
        """The name of a matrix: its method, and a hash of the settings that the method looks at."""
        return f"{method}-{hashlib.sha256(settings_of(method, self.settings).encode()).hexdigest()[:16]}"
