"""The conformance suite, for this plugin."""

from coro_core.testing import ProviderContract
from coro_openai import OpenAIPlugin


class TestContract(ProviderContract):
    plugin = OpenAIPlugin


class TestContractBesideAWorkingService(ProviderContract):
    plugin = OpenAIPlugin
    # Sorted before and after OpenAI: a fault of one service leaves the others working.
    environ = {  # noqa: RUF012
        "CORO_OPENAI_MISTRAL_API_KEY": "another",
        "CORO_OPENAI_MISTRAL_MODELS": "mistral-small-latest",
        "CORO_OPENAI_VLLM_MODELS": "qwen3",
    }
