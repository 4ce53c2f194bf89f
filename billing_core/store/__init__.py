"""Rows and selects. Services above, SQLAlchemy here."""
