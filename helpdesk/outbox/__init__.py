"""Everything that leaves: one row, one key, one true state."""
