"""Champion and challenger: paired evidence, a policy, and a record of every decision."""
