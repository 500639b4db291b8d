"""What docker-compose.yaml needs beside Airflow's own commands: secrets, users and roles, health."""
