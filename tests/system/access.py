"""Tokens of any client, and requests with them."""

import base64
import urllib.parse
from collections.abc import Mapping
from typing import Any

from agents import Agent, Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask_for_token(
    agent: Agent, form: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Answer:
    """POST /v1/oauth/token with these members; grant_type stands for itself unless it is given."""
    members = {"grant_type": "client_credentials", **form}
    body = urllib.parse.urlencode(members).encode()
    return agent.request("POST", "/v1/oauth/token", body, {**FORM, **(headers or {})})


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def login(agent: Agent, client: Mapping[str, Any], scope: str = "") -> str:
    """An access token for a client as POST /v1/credentials has answered it."""
    form = {name: str(client[name]) for name in ("client_id", "client_secret")}
    answer = ask_for_token(agent, {**form, "scope": scope})
    assert answer.status == 200, answer
    return str(answer.json()["access_token"])


def create_client(agent: Agent, *scopes: str, token: str | None = None, name: str = "") -> dict[str, Any]:
    """A new credential."""
    body = {"scopes": list(scopes), **({"name": name} if name else {})}
    answer = agent.api("POST", "/v1/credentials", body, token=token or agent.token())
    assert answer.status == 201, answer
    return dict(answer.json())
