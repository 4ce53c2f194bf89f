"""Everything that arrives: stored first, then read, threaded and identified."""
