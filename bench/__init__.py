"""Benchmarks. They compare within one run: a ratio survives a slow machine, a duration does not."""
