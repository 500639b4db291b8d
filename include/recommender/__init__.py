"""What is recommended, and how."""
