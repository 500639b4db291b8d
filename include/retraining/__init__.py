"""Machinery that any daily retrained model needs; knows nothing about recommendations."""
