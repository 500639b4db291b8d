"""What counts as personal, and what is shown in its place."""

from __future__ import annotations

import pytest

from include.retraining.errors import SettingsError
from include.retraining.quality.privacy import hash_key, keyed_hash, looks_personal, safe_to_show


@pytest.mark.parametrize(
    "value",
    [
        "taro@example.co.jp", "taro%40example.com", "mail:taro@example.com", "+819012345678", "+81 90-1234-5678",
        "+1 (555) 123-4567", "tel:+442079460958", "090-1234-5678", "03-1234-5678", "020 7946 0958", "(555) 223-4567",
        "06 12 34 56 78", "555-223-4567\n",
    ],
)  # fmt: skip
def test_mail_addresses_and_telephones_are_personal(value: str) -> None:
    assert looks_personal(value)


@pytest.mark.parametrize(
    "value",
    [
        "u1", "1234567890", "0901234567", "81901234567890", "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-1234-1234-123456789012", "2026-01-31", "09-01-2024", "2026-01-31 10:00:00", "sku@1.2", "85123A",
        "10.0.0.1", "1.2.3", "a+b", "12+3456", "h:0123456789abcdef", "",
    ],
)  # fmt: skip
def test_ids_are_not_personal(value: str) -> None:
    assert not looks_personal(value)


def test_keyed_hash_depends_on_value_and_key_only() -> None:
    hashed = keyed_hash("taro@example.com", "key")
    assert hashed == keyed_hash("taro@example.com", "key")
    assert len({hashed, keyed_hash("hanako@example.com", "key"), keyed_hash("taro@example.com", "other")}) == 3
    assert hashed.startswith("h:")
    assert len(hashed) == 18


def test_without_a_key_nothing_personal_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIGAWARI_HASH_KEY", raising=False)
    with pytest.raises(SettingsError, match="HIGAWARI_HASH_KEY"):
        hash_key()
    with pytest.raises(SettingsError):
        safe_to_show("taro@example.com")
    assert safe_to_show("u1") == "u1"
