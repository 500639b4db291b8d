"""What became of what was published: users' wishes against the lists they had, by publication and by arm."""
