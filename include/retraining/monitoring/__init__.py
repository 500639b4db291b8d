"""What a run costs, and what became of what it published."""
