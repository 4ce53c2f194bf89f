"""People who work here: sign-in, roles, limits, sessions."""
