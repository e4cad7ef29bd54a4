"""The whole contract of plugins, held against this one."""

from coro_core.testing import ProviderContract
from coro_deepseek import DeepSeekPlugin


class TestContract(ProviderContract):
    plugin = DeepSeekPlugin
