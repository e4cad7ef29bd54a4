"""The compare page at `/` and the page at `/docs`, with their static files."""
