"""Services whose address and names are known, so that a key or a model is all to be configured."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be configured for a service of this name."""

    title: str
    base_url: str
    key_help: str = "it needs none on this machine, and what its administrator says elsewhere"
    limit_field: str = "max_tokens"


KNOWN: Mapping[str, Known] = {
    "openai": Known(
        "OpenAI",
        "https://api.openai.com/v1",
        "get one at https://platform.openai.com/api-keys",
        "max_completion_tokens",
    ),
    "openrouter": Known(
        "OpenRouter", "https://openrouter.ai/api/v1", "get one at https://openrouter.ai/keys"
    ),
    "mistral": Known(
        "Mistral", "https://api.mistral.ai/v1", "get one at https://console.mistral.ai/api-keys"
    ),
    "together": Known(
        "Together",
        "https://api.together.xyz/v1",
        "get one at https://api.together.ai/settings/api-keys",
    ),
    "ollama": Known("Ollama", "http://localhost:11434/v1"),
    "lmstudio": Known("LM Studio", "http://localhost:1234/v1"),
    "llamacpp": Known("llama.cpp", "http://localhost:8080/v1"),
    "vllm": Known("vLLM", "http://localhost:8000/v1"),
}
"""From the services' own documentation, read 2026-11-22:

https://platform.openai.com/docs/api-reference, https://openrouter.ai/docs/api-reference/overview,
https://docs.mistral.ai/api, https://docs.together.ai/docs/openai-api-compatibility,
https://docs.ollama.com/openai, https://lmstudio.ai/docs/app/api/endpoints/openai,
https://github.com/ggml-org/llama.cpp/tree/master/tools/server,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html. OpenAI deprecates max_tokens
for all of its models; Mistral refuses max_completion_tokens with a 422
(github.com/cline/cline/issues/9085); the others take max_tokens.
"""

_REASONING = re.compile(r"(?:.*/)?(?:o[1-9]|gpt-[5-9])(?!.*chat)")


def takes_no_temperature(upstream: str, limit_field: str) -> bool:
    """Tell whether a model is one of OpenAI's that reason, which refuse any temperature but 1.

    Such a model refuses `max_tokens` as well, so a service that takes that is not OpenAI's own and
    translates. github.com/decolua/9router/issues/560 (2026-04-11), pickle-com/glass/pull/227
    (2026-08-09). Read 2026-11-22.
    """
    return limit_field == "max_completion_tokens" and _REASONING.match(upstream) is not None
