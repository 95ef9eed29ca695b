"""openapi/openapi.yaml and a node that serves it, held against each other by tools of others."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema
import yaml
from nodes import Lab, Node
from process import wait_until
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

NAME = "contract"
SPECIFICATION = pathlib.Path("openapi/openapi.yaml").resolve()
HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(sys.executable).parent
MAX_EXAMPLES = 100
SCHEMATHESIS_SECONDS = 240


def valid(lab: Lab):
    tool([sys.executable, "-m", "openapi_spec_validator", "--validation-errors", "all", SPECIFICATION], lab)


def served(lab: Lab):
    """As YAML and as JSON, which is compared with what PyYAML reads: another parser than the node's."""
    text = SPECIFICATION.read_text()
    if lab.node.call("GET", "/openapi.yaml") != (200, text):
        raise AssertionError("GET /openapi.yaml is not openapi/openapi.yaml")
    if lab.node.get("/openapi.json") != yaml.safe_load(text):
        raise AssertionError("GET /openapi.json says something else than openapi/openapi.yaml")


def metrics(lab: Lab):
    """Both formats are well-formed and have the same samples; only bounds of buckets are written otherwise."""

    def names(families):
        samples = [sample for family in families for sample in family.samples]
        for sample in samples:
            if "le" in sample.labels:
                sample.labels["le"] = float(sample.labels["le"])
        return sorted((sample.name, sorted(map(str, sample.labels.items()))) for sample in samples)

    # A route has its figures from the first request on.
    lab.node.call("GET", "/metrics")
    classic = lab.node.call("GET", "/metrics")[1]
    modern = lab.node.call("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})[1]
    seen = names(parser.text_string_to_metric_families(classic))
    if len(seen) < 100 or seen != names(openmetrics.text_string_to_metric_families(modern)):
        raise AssertionError("the two formats of GET /metrics have other samples")


def events(lab: Lab):
    """Every event that the node has published is as the specification's schema and table of members want it."""
    node = lab.node
    [snapshot] = read_events(node, {"Last-Event-ID": ""}, "since=0")
    boot = snapshot["id"].split("-")[0]
    node.call("PUT", "/v1/blocklist/198.51.100.7", {"reason": "a test", "expires_at": "2100-01-01T00:00:00Z"})
    node.call("DELETE", "/v1/blocklist/198.51.100.7")
    node.call("POST", "/v1/dial", {"address": f"/ip4/127.0.0.1/udp/9/quic-v1/p2p/{lab.dialled.peer_id}"})
    node.call("POST", f"/v1/peers/{lab.dialled.peer_id}/disconnect", {})
    wait_until("the peer to be gone", lambda: not node.is_connected(lab.dialled))
    node.call("POST", "/v1/dial", {"address": "/ip4/127.0.0.1/udp/9/quic-v1"})
    lab.connect(node)
    node.call("POST", "/v1/config/reload")

    specification = yaml.safe_load(SPECIFICATION.read_text())
    schema = {"$ref": "#/components/schemas/Event", "components": specification["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    schemas = specification["components"]["schemas"]
    table = {}
    for row in re.findall(r"^\| `([a-z._]+)` \|([^|]*)\|", schemas["Event"]["description"], re.MULTILINE):
        members = re.findall(r"`(\w+)`(\??)", row[1])
        table[row[0]] = {name for name, _ in members}, {name for name, mark in members if mark}
    if set(table) != set(schemas["EventType"]["enum"]):
        raise AssertionError(f"the table of members has {set(table) ^ set(schemas['EventType']['enum'])} or lacks it")

    seen = set()
    for event in [snapshot, *read_events(node, {"Last-Event-ID": f"{boot}-0"}, "")]:
        validator.validate(event)
        members, optional = table[event["type"]]
        others = event.keys() - {"id", "time", "type", "peer_id", "connection_id"}
        if not members - optional <= others <= members:
            raise AssertionError(f"{event['type']} has {others}, and not {members}")
        seen.add(event["type"])
    wanted = "node.started listener.added peer.added peer.state_changed peer.identified peer.blocked dial.started"
    wanted += " dial.attempt dial.ended connection.state_changed federation.agreed config.reloaded snapshot"
    if not set(wanted.split()) <= seen:
        raise AssertionError(f"of the events that were caused only these came: {seen}")


def read_events(node: Node, headers: dict[str, str], query: str) -> list[dict]:
    """What there is before it is quiet for a second."""
    connection = http.client.HTTPConnection("127.0.0.1", node.api, timeout=1)
    try:
        connection.request("GET", f"/v1/events?{query}", headers=headers)
        response = connection.getresponse()
        found, lines = [], {}
        while True:
            try:
                line = response.readline().decode().rstrip("\n")
            except TimeoutError:
                return found
            name, _, value = line.partition(": ")
            lines[name] = value
            if line == "" and "data" in lines:
                event = json.loads(lines["data"])
                if (lines.get("id"), lines["event"]) != (event["id"], event["type"]):
                    raise AssertionError(f"the lines {lines} are not those of their data")
                found.append(event)
            if line == "":
                lines = {}
    finally:
        connection.close()


def schemathesis(lab: Lab, node: Node, variables: dict[str, str], *arguments):
    """Every phase and every check; what it reports fails the case."""
    lab.connect(node)
    live = {peer.peer_id: peer.address for peer in (lab.pinned, lab.dialled)}
    command = [
        TOOLS / "schemathesis",
        "--config-file",
        HERE / "schemathesis.toml",
        "run",
        SPECIFICATION,
        "--url",
        node.url,
        "--phases",
        "examples,coverage,fuzzing,stateful",
        "--checks",
        "all",
        "--max-examples",
        MAX_EXAMPLES,
        "--request-timeout",
        30,
        "--continue-on-failure",
        "--seed",
        lab.seed,
        *arguments,
    ]
    variables = {"SCHEMATHESIS_HOOKS": "hooks", "FEDNODE_API_LIVE": json.dumps(live), "NO_COLOR": "1"} | variables
    output = tool(command, lab, variables, SCHEMATHESIS_SECONDS)
    tested = re.search(r"Tested: (\d+)", output)
    operations = sum(
        len(path.keys() - {"parameters"}) for path in yaml.safe_load(SPECIFICATION.read_text())["paths"].values()
    )
    if not tested or int(tested[1]) != operations:
        raise AssertionError(f"not all {operations} operations were tested:\n{output[-2000:]}")
    lab.connect(node)


def without_token(lab: Lab):
    schemathesis(lab, lab.node, {})


def with_token(lab: Lab):
    schemathesis(lab, lab.guarded, {"FEDNODE_API_TOKEN": "yes"}, "--header", f"Authorization: Bearer {lab.ADMIN_TOKEN}")


def generated_client(lab: Lab):
    """Lists peers and dials by its typed models, in a process of its own."""
    folder = lab.folder / "fednode_client"
    command = [TOOLS / "openapi-python-client", "generate", "--path", SPECIFICATION, "--output-path", folder]
    # It formats with ruff, which it looks for on the PATH.
    path = {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
    output = tool([*command, "--meta", "none", "--overwrite", "--fail-on-warning"], lab, path)
    if "Warning" in output:
        raise AssertionError(output)
    lab.node.call("POST", f"/v1/peers/{lab.dialled.peer_id}/disconnect", {})
    wait_until("the peer to be gone", lambda: not lab.node.is_connected(lab.dialled))
    script = [
        sys.executable,
        HERE / "client.py",
        lab.node.url,
        lab.pinned.peer_id,
        lab.dialled.peer_id,
        lab.dialled.address,
    ]
    tool(script, lab, {"PYTHONPATH": str(lab.folder)})


def tool(command: list, lab: Lab, variables: dict[str, str] | None = None, seconds: float = 60) -> str:
    """The output of a program that must end with 0. It runs in the lab's folder, where it may leave files."""
    environment = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parent / 'Interop'}"} | (variables or {})
    ended = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=lab.folder,
        env=environment,
        timeout=seconds,
        check=False,
    )
    if ended.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {ended.returncode}:\n{ended.stdout[-20_000:]}")
    return ended.stdout


CASES = [
    ("the specification is valid OpenAPI 3.1", valid),
    ("it is served as YAML and as JSON", served),
    ("metrics are well-formed in both formats", metrics),
    ("events are as they are specified", events),
    ("a generated client lists peers and dials", generated_client),
    ("schemathesis finds nothing", without_token),
    ("schemathesis finds nothing where tokens are wanted", with_token),
]
