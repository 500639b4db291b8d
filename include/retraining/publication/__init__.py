"""Stage, check, switch, verify, roll back: readers see all of a publication or nothing of it."""
