"""The embedded default: Airflow's four components as local processes, on SQLite with LocalExecutor."""
