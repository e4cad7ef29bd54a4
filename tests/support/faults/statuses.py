"""Every status that a provider over HTTP can answer with: the code of the row that each costs."""

STATUSES = {
    204: "upstream_error",
    206: "upstream_error",
    300: "upstream_error",
    304: "upstream_error",
    400: "bad_request",
    401: "authentication_failed",
    402: "quota_exhausted",
    403: "authentication_failed",
    404: "model_unavailable",
    408: "timeout",
    409: "overloaded",
    413: "too_large",
    422: "bad_request",
    424: "bad_request",
    429: "rate_limited",
    498: "overloaded",
    499: "bad_request",
    500: "upstream_error",
    502: "upstream_error",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
    599: "upstream_error",
}
OWN_MEANING = {
    ("deepseek", 404): "bad_request",
    ("gemini-genai", 404): "invalid_response",
    ("openai", 404): "bad_request",
}
"""DeepSeek reports a missing model by 400, Google and the services behind coro-openai in their own
words: other 404s are a wrong address."""
WITHOUT_A_BODY = {204, 304}

WAITS = {
    "0": 0.0,
    "2.5": 2.5,
    "120": 120.0,
    "99999": 86400.0,
    "Fri, 01 Jan 2100 00:00:00 GMT": 86400.0,
    "Fri, 01 Jan 1999 00:00:00 GMT": None,
    "Wed, 99 Oct 2026 07:28:00 GMT": None,
    "nan": None,
    "inf": None,
    "-1": None,
    "1e3": None,
    "9" * 400: None,
    "soon": None,
    "": None,
    "5, 7": None,
    "\u0665": None,
}
"""Values of `Retry-After`, and the wait that the row names."""
