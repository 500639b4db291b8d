"""Checks with severities: row rules, quarantine reasons, privacy, verdicts."""
