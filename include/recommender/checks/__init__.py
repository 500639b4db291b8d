"""Checks of each stage: what came in, what models learn from, what is about to be published."""
