"""The BigQuery warehouse, on an emulator through the official client. The emulator is not BigQuery."""
