"""Who belongs to an organisation, in which role, and who is invited to."""
