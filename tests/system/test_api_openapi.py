"""The OpenAPI document: sound in itself, and true of what live agents answer."""

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from agents import Agent, Pair
from arctic_lab import Lab, wait_for

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api.md"
NO_ID = "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"


@pytest.fixture(scope="module")
def document(module_pair: Pair) -> Any:
    return module_pair.entry.api("GET", "/v1/openapi.json", token=None).json()


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


def test_the_document_is_sound(document: Any) -> None:
    assert document["openapi"] == "3.1.0" and set(document) == {"openapi", "info", "paths", "components"}
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        if schema.get("type") == "object" and "properties" in schema:
            assert schema["additionalProperties"] is False, name
            assert set(schema.get("required", [])) <= set(schema["properties"]), name
    for reference in references(document):
        at = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in at, reference
            at = at[step]
    used = {reference.rpartition("/")[2] for reference in references(document)}
    assert set(document["components"]["schemas"]) <= used, "schemas that nothing names"
    ids = []
    for path, operations in document["paths"].items():
        named = set(re.findall(r"{(\w+)}", path))
        for operation in operations.values():
            ids.append(operation["operationId"])
            parameters = [
                document["components"]["parameters"][item["$ref"].rpartition("/")[2]]
                for item in operation["parameters"]
            ]
            assert {item["name"] for item in parameters if item["in"] == "path"} == named, path
            assert all(jsonschema.Draft202012Validator.check_schema(item["schema"]) is None for item in parameters)
    assert len(ids) == len(set(ids)) >= 30


def test_every_endpoint_of_the_handbook_is_there(document: Any) -> None:
    for methods, paths in re.findall(r"^\| ((?:GET|POST|PUT|DELETE)[^ ]*) ((?:/[^ |?]+(?:\?[^ |]*)?(?:, )?)+) \|", DOCS.read_text(), re.M):
        for path in paths.split(", "):
            operations = document["paths"][path.partition("?")[0]]
            for method in methods.split("/"):
                assert method.lower() in operations, (method, path)
    told = DOCS.read_text()
    for path, operations in document["paths"].items():
        assert path in told, f"{path} is not in docs/api.md"
        assert operations


class Checked:
    """Requests whose answers must be what the document says, and whose bodies are too."""

    def __init__(self, document: Any, agent: Agent) -> None:
        self.document = document
        self.agent = agent
        self.seen: set[str] = set()

    def validate(self, schema: Any, value: Any) -> None:
        resolver = jsonschema.RefResolver.from_schema(self.document)
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)

    def ask(self, method: str, path: str, body: Any = None, *, template: str = "", status: int = 0) -> Any:
        template = template or path.partition("?")[0]
        operation = self.document["paths"][template][method.lower()]
        self.seen.add(f"{method} {template}")
        options = {} if body is None else {"body": body}
        if body is not None:
            self.validate(operation["requestBody"]["content"]["application/json"]["schema"], body)
        answer = self.agent.api(method, path, **options)
        (success,) = [int(code) for code in operation["responses"] if code != "default"]
        assert answer.status == (status or success), (method, path, answer)
        told = operation["responses"]["default" if status else str(success)]
        if "content" not in told:
            assert answer.body == b""
            return None
        content = told["content"]
        kind = answer.headers["Content-Type"].partition(";")[0]
        if kind == "application/json":
            self.validate(content[kind]["schema"], answer.json())
            return answer.json()
        assert kind in content
        return None


def test_live_answers_are_as_described(lab: Lab, pair: Pair) -> None:
    entry, far = pair.entry, pair.exit
    wait_for(lambda: entry.get("/v1/cluster/status")["converged"], 10, "both know the same")
    document = entry.api("GET", "/v1/openapi.json", token=None).json()
    api = Checked(document, entry)
    license_file = json.loads(pair.license.read_text())
    for path in (
        "/livez",
        "/readyz",
        "/metrics",
        "/v1/openapi.json",
        "/v1/cluster/identity",
        "/v1/cluster/status",
        "/v1/cluster/credentials",
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
        "/v1/license",
        "/v1/credentials",
        "/v1/peers",
        "/v1/services",
    ):
        api.ask("GET", path)
    api.ask("PUT", "/v1/license", {"license": license_file})
    made = api.ask("POST", "/v1/credentials", {"name": "reader", "scopes": ["peers.read"]})
    one = f"/v1/credentials/{made['client_id']}"
    api.ask("DELETE", one, template="/v1/credentials/{client_id}")
    api.ask("DELETE", one, template="/v1/credentials/{client_id}", status=404)
    api.ask("POST", "/v1/cluster/sync", {})
    api.ask("POST", "/v1/cluster/init", {"force": False}, status=409)
    for peer in (entry.id, far.id):
        api.ask("GET", f"/v1/peers/{peer}", template="/v1/peers/{id}")
    api.ask("PUT", f"/v1/peers/{entry.id}", {"description": "here"}, template="/v1/peers/{id}")
    api.ask("POST", "/v1/peers", {"address": f"{far.host.address(4, 'wan')}:8080"})
    api.ask("GET", "/v1/peers?is_local=true")

    full = {"target_peer_id": far.id, "transport_type": "kcp", "name": "all", "when_unreachable": "block",
            "requires_interface": True, "desired_interface_ipv4": "192.168.9.2/24",
            "qos": {"bandwidth_limit_mbps": 5, "rtt_ms": 20, "memory_limit_kb": 100}}  # fmt: skip
    api.ask("POST", "/v1/services", full)
    service = api.ask("POST", "/v1/services", {"target_peer_id": far.id, "transport_type": "tcp"})["id"]
    path, template = f"/v1/services/{service}", "/v1/services/{id}"
    api.ask("PUT", path, {"name": "changed", "bandwidth_limit_mbps": 0}, template=template)
    routes = {"routes": [{"dest_cidr": "10.2.0.0/24", "priority": 5}, {"source_cidr": "fd01::/64", "priority": 6}]}
    added = api.ask("POST", path + "/routes", routes, template=template + "/routes")
    api.ask("GET", path, template=template)
    api.ask("GET", path + "/routes", template=template + "/routes")
    route = f"{path}/routes/{added['route_ids'][0]}"
    api.ask("PUT", route, {"source_cidr": "10.1.0.0/24"}, template=template + "/routes/{route_id}")
    flow = {"source": "10.1.0.1", "dest": "10.2.0.1"}
    assert api.ask("POST", "/v1/routes/explain", flow)["winner"]
    assert api.ask("POST", "/v1/routes/explain", {**flow, "dest": "127.0.0.1"})["winner"] is None
    api.ask("GET", f"/v1/services?source_peer_id={entry.id}&target_peer_id={far.id}&requires_interface=false")
    # As the other end knows it.
    there = Checked(document, far)
    wait_for(lambda: far.api("GET", path).status == 200, 5, "the exit knows the service")
    there.ask("GET", path, template=template)
    there.ask("GET", "/v1/services")
    api.ask("DELETE", route, template=template + "/routes/{route_id}")
    api.ask("DELETE", path, template=template)
    api.ask("GET", f"/v1/services/{NO_ID}", template=template, status=404)
    api.ask("POST", "/v1/cluster/credentials/rotate")
    entry.cli("config", "path")  # the stored secret is the former one now, and still good
    api.ask("DELETE", f"/v1/peers/{far.id}", template="/v1/peers/{id}")
    api.ask("GET", f"/v1/peers/{far.id}", template="/v1/peers/{id}")
    api.ask("GET", "/v1/cluster/status")
    api.ask("DELETE", "/v1/peers/self")
    api.ask("GET", "/v1/cluster/identity", status=503)
    bootstrapped = entry.api("POST", "/v1/bootstrap", {"license": license_file}, token=None)
    api.validate({"$ref": "#/components/schemas/Bootstrap"}, bootstrapped.json())
    form = f"grant_type=client_credentials&client_id={bootstrapped.json()['client_id']}&client_secret={bootstrapped.json()['client_secret']}"
    token = entry.request(
        "POST", "/v1/oauth/token", form.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    )
    api.validate({"$ref": "#/components/schemas/Token"}, token.json())
    everything = {
        f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations
    }
    assert everything - api.seen == {"POST /v1/bootstrap", "POST /v1/oauth/token"}


def cpu_seconds(agent: Agent) -> float:
    assert agent.process
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.timing
def test_who_asks_again_and_again_keeps_nobody_waiting(module_pair: Pair) -> None:
    """Anybody may, and the control loop has other things to do."""
    agent = module_pair.entry
    before = cpu_seconds(agent)
    with agent.connected() as connection:
        for _ in range(500):
            connection.request("GET", "/v1/openapi.json")
            assert connection.getresponse().read()
    assert cpu_seconds(agent) - before < 0.2


def test_members_that_the_handbook_names_are_there(document: Any) -> None:
    """The tables of docs/api.md and the schemas cannot part ways."""
    text = DOCS.read_text()
    table = text.partition("## A service\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z][a-z0-9_]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|") and "---" not in line)))
    service = document["components"]["schemas"]["Service"]["properties"]
    qos = document["components"]["schemas"]["Qos"]["properties"]
    lease = document["components"]["schemas"]["ServiceLease"]["properties"]
    assert named - set(service) - set(qos) - set(lease) == set()
    assert set(service) - named == set()
