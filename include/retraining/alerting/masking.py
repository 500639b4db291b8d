"""What looks like a secret leaves no process in a message: an exception of a library may hold a password."""

from __future__ import annotations

import re

from include.retraining.alerting.airflow_side import without_known_secrets
from include.retraining.alerting.attempt import attempt

MASK = "***"
NAMES = "password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key|credentials?|authorization"
SHAPES = (
    # postgresql://user:password@host
    (re.compile(r"(\b[\w+.-]+://[^\s:/@]*:)[^\s/]+(?=@)"), rf"\g<1>{MASK}"),
    # Authorization: Bearer abc, "token": "abc", password=abc
    (re.compile(rf"(?i)\b(\w*(?:{NAMES})[\"']?\s*[=:]\s*)(?:(bearer|basic)\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&]+)"),
     rf"\g<1>{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\g<1> {MASK}"),
)  # fmt: skip


def masked(text: str) -> str:
    """The text without values that Airflow knows as secrets, and without what has the form of one."""
    text = attempt("mask what Airflow knows as secrets", lambda: without_known_secrets(text), otherwise=text)
    for shape, instead in SHAPES:
        text = shape.sub(instead, text)
    return text
