"""Tables and partitions: the protocol, the embedded engine (Delta Lake + DuckDB), and the SQL loader."""
