"""The whole contract of plugins, held against this one."""

from coro_core.testing import ProviderContract
from coro_openai import OpenAIPlugin


class TestContract(ProviderContract):
    plugin = OpenAIPlugin


class TestContractBesideAServiceThatIsWell(ProviderContract):
    plugin = OpenAIPlugin
    # Sorted before it and behind it: what is wrong with the one costs the other nothing.
    environ = {  # noqa: RUF012
        "CORO_OPENAI_MISTRAL_API_KEY": "another",
        "CORO_OPENAI_MISTRAL_MODELS": "mistral-small-latest",
        "CORO_OPENAI_VLLM_MODELS": "qwen3",
    }
