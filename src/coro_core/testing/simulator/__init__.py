"""A kit that serves a provider's protocol on loopback, faults included."""
