"""A plugin that loads its client when it is imported."""

import httpx

from support.conformance.acme import Acme
from support.conformance.broken import breaks


@breaks("import-light")
class LoadsAtImport(Acme):
    transport = httpx.AsyncBaseTransport
