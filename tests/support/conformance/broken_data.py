"""Plugins that break a promise before they are opened, or in their settings."""

import itertools
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from coro_core import Model, NotConfigured, Service, hookimpl
from support.conformance.acme import ADDRESS, HELP, KEY, Acme
from support.conformance.broken import breaks

_numbers = itertools.count()


@breaks("exceptions")
class ExceptsWhatIsNoCheck(Acme):
    coro_exceptions = {"no-such-check": "for no reason"}  # noqa: RUF012


@breaks("exceptions")
class ExceptsWithoutReason(Acme):
    coro_exceptions = {"temperature": " "}  # noqa: RUF012


@breaks("exceptions")
class ExceptsItself(Acme):
    coro_exceptions = {"exceptions": "it would rather not say"}  # noqa: RUF012


@breaks("exceptions")
class ExceptsInAList(Acme):
    coro_exceptions = ["temperature"]  # noqa: RUF012


@breaks("contract-version")
class OfAnotherVersion(Acme):
    coro_contract = 2


@breaks("entry-point")
class NotInstalled(Acme):
    pass


@breaks("constructor")
class ReadsWhenConstructed(Acme):
    def __init__(self):
        Path(__file__).read_bytes()


@breaks("constructor")
class NeedsAnArgument(Acme):
    def __init__(self, key):
        self.given = key


@breaks("hooks")
class ForgetsToMarkAHook(Acme):
    def coro_live_models(self):
        raise NotImplementedError


@breaks("hooks")
class MisspellsAHook(Acme):
    @hookimpl
    def coro_live_model(self):
        raise NotImplementedError


@breaks("models-are-data")
class ReadsToList(Acme):
    def offered(self, environ):
        Path(__file__).read_bytes()
        return self.models


@breaks("models-are-data")
class NeedsAKeyToList(Acme):
    def offered(self, environ):
        self.key(environ)
        return self.models


@breaks("models-are-data")
class ListsNames(Acme):
    def offered(self, environ):
        return self.models if KEY in environ else ["acme-1"]


@breaks("simulator")
class WithoutSimulator(Acme):
    coro_simulator = None  # type: ignore[assignment]


@breaks("models-are-sound")
class ListsAnIdTwice(Acme):
    models = (*Acme.models, *Acme.models)


@breaks("models-are-sound")
class NamesWithABreak(Acme):
    models = (replace(Acme.models[0], name="Acme\n1"),)


@breaks("models-stay")
class ListsOthersEachTime(Acme):
    def offered(self, environ):
        return (*self.models, replace(self.models[0], id=f"acme-{next(_numbers)}"))


@breaks("models-stay")
class ListsLessWithoutKey(Acme):
    def offered(self, environ):
        more = (replace(self.models[0], id="acme-2"),) if KEY in environ else ()
        return (*self.models, *more)


@breaks("key")
class HidesItsKey(Acme):
    def settings(self, address):
        return {KEY: "a-key-of-its-own", ADDRESS: address}


@breaks("address")
class HidesItsAddress(Acme):
    def settings(self, address):
        return {**super().settings(address), ADDRESS: address.removeprefix("http://")}

    def address(self, environ):
        return f"http://{environ.get(ADDRESS, '')}"


@breaks("key-missing")
class OpensWithoutKey(Acme):
    def key(self, environ):
        return super().key(environ) if KEY in environ else "none"


@breaks("key-missing")
class SaysNotWhichKey(Acme):
    def key(self, environ):
        if KEY not in environ:
            raise NotConfigured("The key", help=HELP)
        return super().key(environ)


@breaks("key-missing")
class CallsAServiceThatLacksItsKey(Acme):
    keyed = True

    def key(self, environ):
        self.keyed = KEY in environ
        return super().key(environ) if self.keyed else "none"

    @hookimpl
    def coro_services(self):
        reason = None if self.keyed else f"{KEY} is not set; {HELP}."
        return {"acme": Service(name="Acme", reason=reason, configured=self.keyed)}


@breaks("key-unusable")
class TakesAnyKey(Acme):
    def key(self, environ):
        if KEY not in environ:
            raise NotConfigured(KEY, help=HELP)
        return environ[KEY].strip()


@breaks("key-unusable")
class QuotesTheBadKey(Acme):
    def key(self, environ):
        try:
            return super().key(environ)
        except NotConfigured:
            value = environ.get(KEY)
            said = "is not set" if value is None else f"is {value}, which cannot be"
            raise NotConfigured(KEY, help=HELP, problem=said) from None


@breaks("key-trimmed")
class TakesTheKeyWithItsSpaces(Acme):
    def key(self, environ):
        super().key(environ)
        return environ[KEY].replace("\n", "%0A")


@breaks("plaintext")
class TakesPlainHttpAnywhere(Acme):
    def address(self, environ):
        given = environ.get(ADDRESS, "")
        return given if given.startswith("http://") else super().address(environ)


@breaks("address-unusable")
class TakesAnyAddress(Acme):
    def address(self, environ):
        given = environ.get(ADDRESS, "")
        return super().address(environ) if given.startswith("http://") else given


@breaks("settings-given")
class ReadsTheEnvironment(Acme):
    def key(self, environ):
        return super().key({**environ, **os.environ})


@breaks("settings-given")
class ReadsADotenv(Acme):
    def key(self, environ):
        lines = Path(".env").read_text().splitlines() if Path(".env").exists() else []
        return super().key({**dict(line.split("=", 1) for line in lines), **environ})


@breaks("mapping-untouched")
class ChangesItsSettings(Acme):
    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ):
        environ.setdefault("ACME_OPENED", "yes")
        async with self.open(self.key(environ), self.address(environ)):
            yield


@breaks("mapping-untouched")
class PutsItsKeyIntoTheEnvironment(Acme):
    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ):
        before = os.environ.get("ACME_SDK_KEY")
        os.environ["ACME_SDK_KEY"] = self.key(environ)
        try:
            async with self.open(self.key(environ), self.address(environ)):
                yield
        finally:
            os.environ["ACME_SDK_KEY"] = before or ""


@breaks("proxies")
class ObeysProxies(Acme):
    def address(self, environ):
        return os.environ.get("http_proxy") or super().address(environ)


@breaks("every-model")
class OffersWhatItsSimulatorLacks(Acme):
    models = (
        *Acme.models,
        Model(id="acme-old", name="Old", provider="Acme", cost="free", candidates=("acme-0",)),
    )
