"""Find, validate, start, call and close plugins; the only user of pluggy.

Import from its modules.
"""
