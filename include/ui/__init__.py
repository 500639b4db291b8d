"""Pages inside the Airflow UI: made on the server, read only, behind Airflow's own rights, without internet."""
