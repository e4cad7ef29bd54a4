"""Read the settings, and write the log.

Import from its modules: `settings`, `logs`.
"""
