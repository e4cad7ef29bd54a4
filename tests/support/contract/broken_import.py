"""A plugin that loads its client when it is imported."""

import httpx

from support.contract.acme import Acme
from support.contract.broken import breaks


@breaks("import-light")
class LoadsAtImport(Acme):
    transport = httpx.AsyncBaseTransport
