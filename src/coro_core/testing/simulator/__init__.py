"""A kit to serve a provider's protocol on loopback, faults included."""
