"""Says what failed, what readers see now, and what to do."""
