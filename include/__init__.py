"""Everything the DAGs call."""
