"""Find, validate, open, call and close plugins; the only user of pluggy.

Import from its modules.
"""
