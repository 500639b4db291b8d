"""The version of the code that ran: a hash of every Python and SQL file under include/."""

import hashlib
from functools import cache

from include.retraining.settings import PROJECT


@cache
def code_version() -> str:
    """12 hex characters; equal for equal sources, whether committed or not."""
    digest = hashlib.sha256()
    for path in sorted((PROJECT / "include").rglob("*")):
        if path.suffix in (".py", ".sql"):
            digest.update(path.relative_to(PROJECT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
