"""The plugin contract as checks: what every plugin promises, put to the test before its simulator.

`Contract(PluginUnderTest(AcmePlugin)).findings()` runs them all; `coro plugin check` and the pytest
class `coro_core.testing.ProviderContract` are two faces of it. Nothing here needs pytest.
"""
