"""The errors of providers and plugins, as one tree.

    CoroError
    ├── SettingsError               the operator's settings cannot be used
    └── ProviderError               one model's call failed; costs its own row
        ├── NotConfigured           not_configured          a key or a setting is missing
        ├── AuthenticationFailed    authentication_failed   the provider refused the key
        ├── RateLimited             rate_limited            too many requests just now
        ├── QuotaExhausted          quota_exhausted         daily quota or credit used up
        ├── ModelUnavailable        model_unavailable       the provider does not serve this name
        ├── BadRequest              bad_request             the provider refused the request
        ├── TooLarge                too_large               prompt and answer do not fit
        ├── ContentBlocked          content_blocked         a content filter intervened
        ├── EmptyResponse           empty_response          an answer without text
        ├── InvalidResponse         invalid_response        a reply that makes no sense
        ├── Timeout                 timeout                 no answer in time
        ├── ConnectionFailed        connection_failed       the provider could not be reached
        ├── Overloaded              overloaded              the provider is too busy
        ├── UpstreamError           upstream_error          the provider failed by itself
        └── PluginFault             plugin_fault            the plugin broke its contract

A plugin raises the leaf that fits. The core adds the provider and the model, writes the sentence
for the client, and decides on a retry. The provider's text is never part of an error: it can echo
keys and prompts. A plugin passes its own words as `detail`.
"""

import math
import traceback
from pathlib import Path
from typing import ClassVar

MAX_MESSAGE_CHARS = 500
MAX_RETRY_AFTER = 86_400.0
"""The longest wait in seconds; a longer one is shortened to it."""


class CoroError(Exception):
    """The base of CORO's own errors."""


class SettingsError(CoroError):
    """The settings cannot be used; the message names the setting and the reason in one line."""


class ProviderError(CoroError):
    """One model's call failed. Raise one of the leaves."""

    code: ClassVar[str]
    """The wire code, stable: clients branch on it."""
    sentence: ClassVar[str]
    """The sentence for the client; the core fills in `{provider}` and `{model}`."""
    may_retry: ClassVar[bool] = False
    """True if a retry of the same call can help."""

    def __init__(
        self, detail: str = "", *, retry_after: float | None = None, retryable: bool | None = None
    ) -> None:
        """Keep the plugin's own words on what to do, and the wait that the provider asks for.

        `retry_after` is in seconds, at most one day. A negative wait or one that is not a number
        is ignored. `retryable` overrides `may_retry` of the class.
        """
        super().__init__(detail)
        self.detail = detail
        self.retry_after = bearable_wait(retry_after)
        self.retryable = self.may_retry if retryable is None else retryable
        self.provider = ""
        self.model = ""

    @property
    def message(self) -> str:
        """One or two sentences for people: the error, and the next step."""
        sentence = self._sentence()
        return f"{sentence} {self.detail}" if self.detail else sentence

    def _sentence(self) -> str:
        return self.sentence.format(
            provider=self.provider or "The provider", model=self.model or "the model"
        )

    def __str__(self) -> str:
        return self.message


def bearable_wait(seconds: float | None) -> float | None:
    """Return the wait, at most a day; return `None` if it is negative, infinite or not a number."""
    if seconds is None or not 0 <= seconds < math.inf:
        return None
    return float(min(seconds, MAX_RETRY_AFTER))


class NotConfigured(ProviderError):
    """A setting is missing or unusable: the core skips the plugin until the operator sets it.

    `NotConfigured("ACME_API_KEY", help="get one at https://acme.example/keys")` reads
    "ACME_API_KEY is not set; get one at https://acme.example/keys."
    """

    code = "not_configured"
    sentence = "{provider} is not configured."

    def __init__(self, setting: str, *, help: str, problem: str = "is not set") -> None:
        super().__init__()
        self.setting = setting
        self.help = help
        self.problem = problem

    @property
    def is_missing_key(self) -> bool:
        """True if a key is not set or blank; false for a setting that holds a wrong value."""
        absent = self.problem in ("is not set", "is set but blank")
        return absent and any(word in self.setting.upper() for word in ("KEY", "TOKEN", "SECRET"))

    @property
    def message(self) -> str:
        """The missing setting, and where to get its value."""
        return f"{self.setting} {self.problem}; {self.help.rstrip('.')}."


class AuthenticationFailed(ProviderError):
    """The provider refused the key."""

    code = "authentication_failed"
    sentence = "{provider} refused the API key."


class RateLimited(ProviderError):
    """Too many requests or tokens at the moment; waiting helps."""

    code = "rate_limited"
    sentence = "Rate limit exceeded at {provider}; try again a little later."
    may_retry = True

    def _sentence(self) -> str:
        # Name the wait if the provider did.
        if self.retry_after is None:
            return super()._sentence()
        provider, seconds = self.provider or "the provider", math.ceil(self.retry_after)
        return f"Rate limit exceeded at {provider}; try again in {seconds} s."


class QuotaExhausted(ProviderError):
    """The daily quota or the prepaid credit is used up; waiting seconds does not help."""

    code = "quota_exhausted"
    sentence = "The quota or credit of this account at {provider} is used up."


class ModelUnavailable(ProviderError):
    """The provider does not serve this name to this account, or no longer does."""

    code = "model_unavailable"
    sentence = "{provider} does not serve {model} to this account."


class BadRequest(ProviderError):
    """The provider refused the request as invalid."""

    code = "bad_request"
    sentence = "{provider} refused the request for {model}."


class TooLarge(ProviderError):
    """Prompt and answer together exceed what the model or the account allows."""

    code = "too_large"
    sentence = (
        "The prompt and max_tokens are more than {model} at {provider} takes;"
        " shorten the prompt or lower max_tokens."
    )


class ContentBlocked(ProviderError):
    """The provider's content filter blocked the prompt or the answer."""

    code = "content_blocked"
    sentence = "{provider}'s content filter blocked the prompt or the answer; rephrase the prompt."


class EmptyResponse(ProviderError):
    """The provider's answer has no text."""

    code = "empty_response"
    sentence = "{model} at {provider} returned no text."


class InvalidResponse(ProviderError):
    """The provider's reply does not follow its own protocol."""

    code = "invalid_response"
    sentence = "{provider} sent a reply that cannot be understood; try again later."


class Timeout(ProviderError):
    """The provider did not answer in time."""

    code = "timeout"
    sentence = "{provider} did not answer in time; try again, or allow more with timeout."


class ConnectionFailed(ProviderError):
    """The provider could not be reached, or closed the connection."""

    code = "connection_failed"
    sentence = "{provider} could not be reached; try again later."
    may_retry = True


class Overloaded(ProviderError):
    """The provider reports that it is too busy."""

    code = "overloaded"
    sentence = "{provider} is overloaded; try again later."
    may_retry = True


class UpstreamError(ProviderError):
    """The provider failed with an internal error."""

    code = "upstream_error"
    sentence = "{provider} failed with an error of its own; try again later."
    may_retry = True


class PluginFault(ProviderError):
    """The plugin broke the contract by what it raised or returned."""

    code = "plugin_fault"
    sentence = "The plugin for {provider} failed; its log line says how. Report it to its author."


ERROR_CODES: tuple[str, ...] = tuple(leaf.code for leaf in ProviderError.__subclasses__())
"""The wire codes of all leaves; codes are added and never removed."""
PROVIDER_ERROR_CODES = tuple(
    code for code in ERROR_CODES if code not in (NotConfigured.code, PluginFault.code)
)
"""The codes of a provider's errors. The others are the operator's and the plugin's."""


def describe(exc: BaseException) -> str:
    """Return an exception's class and the place where it was raised.

    The text is omitted: a plugin's exception can hold a key or a prompt.
    """
    frames = traceback.extract_tb(exc.__traceback__)
    name = type(exc).__name__
    if not frames:
        return name
    last = frames[-1]
    return f"{name} at {Path(last.filename).name}:{last.lineno} in {last.name}"
