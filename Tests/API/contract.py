"""openapi/openapi.yaml and a node that serves it, held against each other by tools of others."""

import json
import os
import pathlib
import re
import subprocess
import sys

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

    classic = lab.node.call("GET", "/metrics")[1]
    modern = lab.node.call("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})[1]
    seen = names(parser.text_string_to_metric_families(classic))
    if len(seen) < 100 or seen != names(openmetrics.text_string_to_metric_families(modern)):
        raise AssertionError("the two formats of GET /metrics have other samples")


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
    ("a generated client lists peers and dials", generated_client),
    ("schemathesis finds nothing", without_token),
    ("schemathesis finds nothing where tokens are wanted", with_token),
]
