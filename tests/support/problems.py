"""A reply that is a problem: what each of them has in common."""

import re
from typing import Any

import httpx

JSON = "application/json"


def checked(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    """Check that a reply is a problem as it should be; return it."""
    assert response.status_code in statuses
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 2048
    assert "canary" not in response.text.lower()
    problem: dict[str, Any] = response.json()
    assert list(problem) == ["type", "title", "status", "detail", "request_id", "errors"]
    assert problem["status"] == response.status_code
    assert re.search(r"\w.*\.$", problem["detail"], re.DOTALL)
    assert problem["detail"].isprintable()
    assert len(problem["errors"]) <= 10
    for error in problem["errors"]:
        assert list(error) == ["field", "message"]
        assert error["field"].isascii()
        assert error["field"].isprintable()
    return problem
