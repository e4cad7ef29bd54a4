"""The committed description of the API, and its operations."""

import json

from support.paths import ROOT

OPENAPI = ROOT / "openapi.json"
COMMITTED = json.loads(OPENAPI.read_text(encoding="utf-8"))
SCHEMAS = COMMITTED["components"]["schemas"]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
OPERATIONS = [
    (method, path, operation)
    for path, item in COMMITTED["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
