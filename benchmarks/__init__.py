"""Measure the cost of CORO against the floor: `make bench`. docs/performance.md explains it."""
