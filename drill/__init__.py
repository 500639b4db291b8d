"""The fault drill: three nights of faults in a real Airflow, and what became of readers, alerts and tables."""
