"""The published description of the API, its examples, and its replies."""
