"""Work that must happen once a transaction has committed, whatever dies in between."""
