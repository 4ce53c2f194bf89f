"""Response-time promises: targets, clocks, and the events every figure is rebuilt from."""
