"""`python -m include.production.healthy URL [component]`: a quick health check, of the standard library alone."""

from __future__ import annotations

import json
import sys
from urllib.error import URLError
from urllib.request import urlopen

SECONDS = 8


def main(url: str, component: str | None = None) -> int:
    """0 where the URL answers and, where a component is named, its JSON says that this component is healthy."""
    try:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - the compose file says which
            status = json.load(answer)[component]["status"] if component else "healthy"
    except (URLError, TimeoutError) as error:
        status = str(error)
    print(status)
    return int(status != "healthy")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
