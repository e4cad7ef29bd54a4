"""The conformance suite: the promises of every plugin, checked against its own simulator.

`Contract(PluginUnderTest(AcmePlugin)).findings()` runs every check. `coro plugin check` and the
pytest class `coro_core.testing.ProviderContract` use it. Only `pytest_class` needs pytest.
"""
