"""Measurements: ratios taken side by side in one run, never a verdict by a clock alone."""
