"""Known services, which need no configured address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownService:
    """The facts about a service that need not be configured."""

    title: str
    base_url: str
    key_help: str = "it needs none on this machine, and what its administrator says elsewhere"
    limit_field: str = "max_tokens"


KNOWN_SERVICES: Mapping[str, KnownService] = {
    "openai": KnownService(
        "OpenAI",
        "https://api.openai.com/v1",
        "get one at https://platform.openai.com/api-keys",
        "max_completion_tokens",
    ),
    "openrouter": KnownService(
        "OpenRouter", "https://openrouter.ai/api/v1", "get one at https://openrouter.ai/keys"
    ),
    "mistral": KnownService(
        "Mistral", "https://api.mistral.ai/v1", "get one at https://console.mistral.ai/api-keys"
    ),
    "together": KnownService(
        "Together",
        "https://api.together.xyz/v1",
        "get one at https://api.together.ai/settings/api-keys",
    ),
    "ollama": KnownService("Ollama", "http://localhost:11434/v1"),
    "lmstudio": KnownService("LM Studio", "http://localhost:1234/v1"),
    "llamacpp": KnownService("llama.cpp", "http://localhost:8080/v1"),
    "vllm": KnownService("vLLM", "http://localhost:8000/v1"),
}
"""The known services by name, from their own documentation, read 2026-11-22:

https://platform.openai.com/docs/api-reference, https://openrouter.ai/docs/api-reference/overview,
https://docs.mistral.ai/api, https://docs.together.ai/docs/openai-api-compatibility,
https://docs.ollama.com/openai, https://lmstudio.ai/docs/app/api/endpoints/openai,
https://github.com/ggml-org/llama.cpp/tree/master/tools/server,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html. OpenAI deprecates max_tokens
for all of its models. Mistral rejects max_completion_tokens with a 422
(github.com/cline/cline/issues/9085). The other services accept max_tokens.
"""

_REASONING = re.compile(r"(?:.*/)?(?:o[1-9]|gpt-[5-9])(?!.*chat)")


def takes_no_temperature(upstream: str, limit_field: str) -> bool:
    """Return True for OpenAI's reasoning models, which reject any temperature but 1.

    Such a model rejects `max_tokens` as well. A service that accepts `max_tokens` is therefore not
    OpenAI's own, and translates. github.com/decolua/9router/issues/560 (2026-04-11),
    pickle-com/glass/pull/227 (2026-08-09). Read 2026-11-22.
    """
    return limit_field == "max_completion_tokens" and _REASONING.match(upstream) is not None
