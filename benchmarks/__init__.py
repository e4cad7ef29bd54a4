"""What CORO costs, measured against the floor: `make bench`. docs/performance.md explains it."""
