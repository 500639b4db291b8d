"""What looks like personal data, and keyed hashes to show in its place."""

from __future__ import annotations

import hashlib
import hmac
import os
import re

from include.retraining.errors import SettingsError

# Read by RE2 (BigQuery, DuckDB, Arrow) and by Python: ASCII classes, no look-around, no capturing groups, and no bare
# `$`, which only in Python passes before a last line break.
EMAIL = r"[^@ ]+(?:@|%40)[^@ ]+[.][A-Za-z]{2,}"
INTERNATIONAL_PHONE = r"(?:^|[^0-9A-Za-z+])[+][0-9](?:[ ().-]{0,2}[0-9]){7,14}(?:[^0-9]|[\r\n]*$)"
# Only with the separators of a written number: plain digits, dates and UUIDs are ids, not telephones.
NATIONAL_PHONES = (
    r"[(]?0[0-9]{2,4}[)]?[ .-]{1,2}[0-9]{2,4}[ .-][0-9]{3,4}",
    r"[(]?0[0-9][)]?[ .-]{1,2}[0-9]{4}[ .-][0-9]{4}",
    r"0[0-9](?:[ .-][0-9]{2}){4}",
    r"[(]?[2-9][0-9]{2}[)]?[ .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4}",
)
PERSONAL = rf"{EMAIL}|{INTERNATIONAL_PHONE}|^(?:{'|'.join(NATIONAL_PHONES)})[\r\n]*$"
PERSONAL_TEXT = "e-mail address or telephone number"
KEY_VARIABLE = "HIGAWARI_HASH_KEY"

_personal = re.compile(PERSONAL)


def looks_personal(value: str) -> bool:
    """Whether a value looks like an e-mail address or a telephone number."""
    return _personal.search(value) is not None


def keyed_hash(value: str, key: str) -> str:
    """HMAC-SHA256 of a value as `h:` and 16 hex digits: equal for equal values, and unreadable without the key."""
    return "h:" + hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()[:16]


def safe_to_show(value: str) -> str:
    """The value, or its keyed hash where it looks personal."""
    return keyed_hash(value, hash_key()) if looks_personal(value) else value


def hash_key() -> str:
    """The key of keyed hashes, from the environment; SettingsError when it is not set."""
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise SettingsError(
            f"a secret text in the environment variable {KEY_VARIABLE}",
            "nothing: ids of people would have to be shown as they are",
            f"set {KEY_VARIABLE} for every Airflow component, and keep it: a new key changes every hash",
        )
    return key
