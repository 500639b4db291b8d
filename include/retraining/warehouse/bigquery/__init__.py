"""BigQuery behind the warehouse protocol, through Airflow's Google provider and the official client."""
