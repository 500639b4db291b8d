"""People who were forgotten, and ids as keyed hashes: what ingestion does to user ids before anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.retraining.errors import SettingsError
from include.retraining.quality.privacy import KEY_VARIABLE, hash_key, keyed_hash
from include.retraining.tables import ERASURES

if TYPE_CHECKING:
    import pyarrow as pa

    from include.retraining.warehouse.protocol import Warehouse

# What is hashed to tell whether the key is still the one of earlier erasures.
KEY_CHECK = "higawari"

# A keyed hash, and nothing else; SQL takes it too.
HASHED_REGEX = "^h:[0-9a-f]{16}$"

_hashed = re.compile(HASHED_REGEX)


def is_hashed(user_id: str) -> bool:
    """Whether an id is a keyed hash."""
    return _hashed.fullmatch(user_id) is not None


def hash_of(user_id: str, key: str) -> str:
    """The keyed hash of an id; one that is a hash already stays as it is."""
    return user_id if is_hashed(user_id) else keyed_hash(user_id, key)


def erased_hashes(warehouse: Warehouse) -> frozenset[str]:
    """Keyed hashes of those who asked to be forgotten; SettingsError where the key is another one than it was then."""
    rows = warehouse.read(ERASURES, {"kind": "requested"}, ["user_hash", "key_check"])
    if rows.num_rows and set(rows["key_check"].to_pylist()) != {keyed_hash(KEY_CHECK, hash_key())}:
        raise SettingsError(
            f"the {KEY_VARIABLE} with which {rows.num_rows} people were erased",
            "another one: they would come back with the next ingest",
            f"restore {KEY_VARIABLE} from the backup of secrets.env",
        )
    return frozenset(rows["user_hash"].to_pylist())


def protect_people(rows: pa.Table, column: str, erased: frozenset[str], hash_ids: bool) -> pa.Table:
    """Rows without those of erased people, and with keyed hashes for ids where `hash_ids` says so.

    Ids are compared as ingestion would keep them, without the space around them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (erased or hash_ids):
        return rows
    ids = pc.utf8_trim_whitespace(rows[column]).combine_chunks().dictionary_encode()
    key = hash_key()
    plain = ids.dictionary.to_pylist()
    hashes = [hash_of(user_id, key) if user_id else user_id for user_id in plain]
    if hash_ids:
        hashed = pa.array(hashes, pa.string()).take(ids.indices)
        rows = rows.set_column(rows.column_names.index(column), column, hashed)
    leave = pa.array([user_id in erased for user_id in hashes], pa.bool_()).take(ids.indices)
    return rows.filter(pc.invert(pc.fill_null(leave, False)))
