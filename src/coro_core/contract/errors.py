"""Everything that can go wrong with a provider, as one tree.

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

A plugin raises the leaf that fits. The core adds who and what, writes the sentence that the client
reads, and decides whether to try again. The text a provider sent is not part of any of this: it
can echo keys and prompts. What a plugin passes as `detail` must be the plugin's own words.
"""

import math
import traceback
from pathlib import Path
from typing import ClassVar

MAX_MESSAGE_CHARS = 500
MAX_RETRY_AFTER = 86_400.0
"""The longest wait, in seconds, that is passed on to a client."""


class CoroError(Exception):
    """Anything that CORO itself reports."""


class SettingsError(CoroError):
    """The settings cannot be used; the message is one line that says which and why."""


class ProviderError(CoroError):
    """One model's call failed. Raise one of the leaves."""

    code: ClassVar[str]
    """The wire code, stable: clients branch on it."""
    sentence: ClassVar[str]
    """What the client reads; `{provider}` and `{model}` are filled in by the core."""
    may_retry: ClassVar[bool] = False
    """Whether the same call, made again at once, can turn out better."""

    def __init__(
        self, detail: str = "", *, retry_after: float | None = None, retryable: bool | None = None
    ) -> None:
        """Keep the plugin's own words on what to do, and how long the provider asks to wait.

        `retry_after` is in seconds; what is negative or not a number counts as not given, and a
        day is the longest. `retryable` overrides what the kind of error says.
        """
        super().__init__(detail)
        self.detail = detail
        self.retry_after = bearable_wait(retry_after)
        self.retryable = self.may_retry if retryable is None else retryable
        self.provider = ""
        self.model = ""

    @property
    def message(self) -> str:
        """One or two sentences for a person: what happened, and what to do."""
        sentence = self._told()
        return f"{sentence} {self.detail}" if self.detail else sentence

    def _told(self) -> str:
        return self.sentence.format(
            provider=self.provider or "The provider", model=self.model or "the model"
        )

    def __str__(self) -> str:
        return self.message


def bearable_wait(seconds: float | None) -> float | None:
    """Return the wait, at most a day; `None` when it is negative, endless or no number."""
    if seconds is None or not 0 <= seconds < math.inf:
        return None
    return float(min(seconds, MAX_RETRY_AFTER))


class NotConfigured(ProviderError):
    """A setting is missing or unusable: the plugin is skipped until the operator sets it.

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
    def message(self) -> str:
        """What is missing, and where to get it."""
        return f"{self.setting} {self.problem}; {self.help.rstrip('.')}."


class AuthenticationFailed(ProviderError):
    """The provider refused the key."""

    code = "authentication_failed"
    sentence = "{provider} refused the API key."


class RateLimited(ProviderError):
    """Too many requests or tokens just now; waiting helps."""

    code = "rate_limited"
    sentence = "Rate limit exceeded at {provider}; try again a little later."
    may_retry = True

    def _told(self) -> str:
        # With the wait, where the provider named one.
        if self.retry_after is None:
            return super()._told()
        provider, seconds = self.provider or "the provider", math.ceil(self.retry_after)
        return f"Rate limit exceeded at {provider}; try again in {seconds} s."


class QuotaExhausted(ProviderError):
    """The daily quota or the prepaid credit is used up; waiting seconds does not help."""

    code = "quota_exhausted"
    sentence = "The quota or credit of this account at {provider} is used up."


class ModelUnavailable(ProviderError):
    """The provider does not serve this name (any more) to this account."""

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
    """The provider answered without any text."""

    code = "empty_response"
    sentence = "{model} at {provider} returned no text."


class InvalidResponse(ProviderError):
    """The provider sent something that is not a reply of its own protocol."""

    code = "invalid_response"
    sentence = "{provider} sent a reply that cannot be understood; try again later."


class Timeout(ProviderError):
    """The provider did not answer in time."""

    code = "timeout"
    sentence = "{provider} did not answer in time; try again, or allow more with timeout."


class ConnectionFailed(ProviderError):
    """The provider could not be reached, or hung up."""

    code = "connection_failed"
    sentence = "{provider} could not be reached; try again later."
    may_retry = True


class Overloaded(ProviderError):
    """The provider says that it is too busy."""

    code = "overloaded"
    sentence = "{provider} is overloaded; try again later."
    may_retry = True


class UpstreamError(ProviderError):
    """The provider failed by itself."""

    code = "upstream_error"
    sentence = "{provider} failed with an error of its own; try again later."
    may_retry = True


class PluginFault(ProviderError):
    """The plugin broke its contract: it raised what it must not, or returned what it must not."""

    code = "plugin_fault"
    sentence = "The plugin for {provider} failed; its log line says how. Report it to its author."


ERROR_CODES: tuple[str, ...] = tuple(leaf.code for leaf in ProviderError.__subclasses__())
"""The wire codes of all leaves: a closed set, and only ever added to."""
PROVIDER_ERROR_CODES = tuple(
    code for code in ERROR_CODES if code not in (NotConfigured.code, PluginFault.code)
)
"""Those of what a provider can do; the others are the operator's and the plugin's own."""


def describe(exc: BaseException) -> str:
    """Return an exception's class and the place it came from.

    Its text is left out: a plugin's exception can hold a key or a prompt.
    """
    frames = traceback.extract_tb(exc.__traceback__)
    name = type(exc).__name__
    if not frames:
        return name
    last = frames[-1]
    return f"{name} at {Path(last.filename).name}:{last.lineno} in {last.name}"
