"""What is held against what, in this order: later cases need the figures that earlier ones have caused."""

import json
import random
import re
import subprocess
import threading
import time

from lab import READ, SETTINGS, Client, Node, promtool, wait_until

PEERS = 10_000
THREADS = 8
# Of scrapes, a second each, before a rate over ten seconds has something to go on.
SCRAPES = 4
# Comparisons at the end of an alert or a panel: what is left must have data also when all is well.
COMPARISON = re.compile(r"\s*(?:==|!=|>=|<=|>|<)\s*-?[\d.e]+")
SELECTOR = re.compile(r"(\{[^}]*\})")
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


# MARK: The files


def files(lab):
    promtool(lab.programs, "check", "config", lab.prometheus.file)
    promtool(lab.programs, "check", "rules", SETTINGS / "fednode.rules.yml")
    promtool(lab.programs, "test", "rules", SETTINGS / "fednode.rules.test.yml")


def panels() -> list[dict]:
    return dashboard()["panels"]


def dashboard() -> dict:
    return json.loads((SETTINGS / "fednode-dashboard.json").read_text())


def layout(_):
    """What Grafana would not tell: two panels of one id or one place, a source that is not the chosen one."""
    board, taken, ids = dashboard(), set(), set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken or place["x"] + place["w"] > 24 or panel["id"] in ids:
            raise AssertionError(f"the panel {panel['title']!r} overlaps another, or has its id")
        taken |= cells
        ids.add(panel["id"])
        for target in panel.get("targets", []):
            if target["datasource"]["uid"] != "${datasource}":
                raise AssertionError(f"the panel {panel['title']!r} asks another source: {target['datasource']}")
    names = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(board)))
    if not used <= names:
        raise AssertionError(f"variables are used that are not there: {used - names}")


# MARK: Life


def traffic(lab):
    """Members that agree, connections that end, dials that fail, requests of every class, a client of the events."""
    names = [node.name for node in lab.nodes]
    for node in lab.nodes:
        client = Client(node.port)
        for name, other in zip(names, lab.nodes):
            if other is not node:
                body = {"name": name, "pinned": True, "addresses": [other.address]}
                client.json("PUT", f"/v1/peers/{other.peer_id}", body, (200, 201))
    for node in lab.nodes:
        def agreed() -> bool:
            return 'fednode_pinned_peers_agreed 2' in node.metrics()

        wait_until(f"{node.name} to agree with its members", agreed)
    for node in lab.nodes:
        client = Client(node.port)
        client.json("POST", "/v1/dial", {"address": "/ip4/127.0.0.1/udp/9/quic-v1", "timeout_ms": 2_000}, (502, 504))
        client.json("GET", "/v1/peers/nobody", expect=(400,))


def tokens(lab):
    status, _ = Client(lab.nodes[0].port, token=None).call("GET", "/metrics")
    if status != 401:
        raise AssertionError(f"GET /metrics without a token answers {status}")
    for target in wait_until("a scrape", lambda: [each for each in targets(lab) if each["health"] != "unknown"]):
        if target["health"] != "up":
            raise AssertionError(f"{target['scrapeUrl']}: {target['lastError']}")


def targets(lab) -> list[dict]:
    return lab.prometheus.api("targets")["activeTargets"]


def formats(lab):
    for node in lab.nodes:
        said = promtool(lab.programs, "check", "metrics", text=node.metrics())
        if said:
            raise AssertionError(f"promtool check metrics: {said}")
    text = lab.nodes[0].metrics(Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    if not text.endswith("\n# EOF\n"):
        raise AssertionError(f"what should be OpenMetrics ends with {text[-40:]!r}")
    # Without `_total` only in OpenMetrics: Prometheus asks for it, and has understood it.
    if "fednode_api_requests" not in lab.prometheus.api("metadata"):
        raise AssertionError("Prometheus has not read OpenMetrics")


# MARK: Cardinality


def random_peer(generator: random.Random) -> str:
    """The id of an Ed25519 key that nobody has."""
    number = int.from_bytes(b"\x00\x24\x08\x01\x12\x20" + generator.randbytes(32), "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" + text


def series(text: str) -> set[str]:
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")}


def ask(client: Client, peer: str, number: int):
    """One of the things that a peer id can be used for. The dials have nothing to dial."""
    # A change of the address book or the blocklist is written to disk, all of it.
    match number % 5 if number < 500 else number % 3:
        case 0:
            client.json("GET", f"/v1/peers/{peer}", expect=(404,))
        case 1:
            client.json("POST", "/v1/dial", {"peer_id": peer, "timeout_ms": 1_000}, (400, 409))
        case 2:
            client.json("GET", f"/v1/{peer}", expect=(404,))
        case 3:
            client.json("PUT", f"/v1/peers/{peer}", {"name": f"name-{number}", "addresses": []}, (200, 201))
        case 4:
            client.json("PUT", f"/v1/blocklist/{peer}", {}, (200, 201))


def cardinality(lab):
    node = lab.nodes[0]
    seed = random.randrange(1 << 32)
    first = random.Random(seed)
    # Once each, so that the paths have their series.
    client = Client(node.port)
    for number in range(5):
        ask(client, random_peer(first), number)
    knock(lab, node)
    before = series(node.metrics())

    def work(part: int):
        generator, client = random.Random(seed + 1 + part), Client(node.port)
        try:
            for number in range(part, PEERS, THREADS):
                ask(client, random_peer(generator), number)
        except Exception as error:  # told in the thread that waits
            failures.append(error)

    failures: list[Exception] = []
    threads = [threading.Thread(target=work, args=(part,)) for part in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    for _ in range(3):
        knock(lab, node)
    after = series(node.metrics())
    if after - before:
        raise AssertionError(f"{len(after - before)} series more, seed {seed}: {sorted(after - before)[:5]}")
    foreign = [line for line in after if "12D3KooW" in line and node.peer_id not in line]
    if foreign or any("name-" in line for line in after):
        raise AssertionError(f"seed {seed}: labels name strangers: {foreign[:3]}")


def knock(lab, node: Node):
    """Somebody with a key of their own connects."""
    subprocess.run(
        [lab.fednode, "ping", f"{node.address}/p2p/{node.peer_id}", "--count", "1"], timeout=20, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )


# MARK: Queries


def data(lab, what: str, expression: str):
    """The query without its comparisons, which mostly let nothing through while all is well."""
    for pattern, value in (("$__rate_interval", "10s"), ("$job", "fednode"), ("$instance", ".+")):
        expression = expression.replace(pattern, value)
    parts = SELECTOR.split(expression)
    parts[::2] = [COMPARISON.sub("", part) for part in parts[::2]]
    lab.prometheus.query(expression)
    if not lab.prometheus.query("".join(parts)):
        raise AssertionError(f"{what}: no data for {''.join(parts)}")


def all_of(checks):
    """Runs them all, and then tells of every one that failed."""
    errors = []
    for check in checks:
        try:
            check()
        except AssertionError as error:
            errors.append(str(error))
    if errors:
        raise AssertionError("\n        ".join(errors))


def board(lab):
    time.sleep(SCRAPES)
    queries = [(panel["title"], target["expr"]) for panel in panels() for target in panel.get("targets", [])]
    queries += [(note["name"], note["expr"]) for note in dashboard()["annotations"]["list"] if "expr" in note]
    if len(queries) < 50:
        raise AssertionError(f"the dashboard has {len(queries)} queries only")
    all_of(lambda what=what, expression=expression: data(lab, what, expression) for what, expression in queries)


def rules(lab) -> list[dict]:
    return [rule for group in lab.prometheus.api("rules")["groups"] for rule in group["rules"]]


def alerts(lab):
    found = rules(lab)
    if len(found) < 20:
        raise AssertionError(f"Prometheus has loaded {len(found)} rules only")
    bad = [f"{rule['name']}: {rule['lastError']}" for rule in found if rule["health"] == "err"]
    if bad:
        raise AssertionError("; ".join(bad))
    all_of(lambda rule=rule: data(lab, rule["name"], rule["query"]) for rule in found)


def quiet(lab):
    raised = {alert["labels"]["alertname"] for rule in rules(lab) for alert in rule["alerts"]}
    # Of two members one must be there; the handshakes that fail are this test's own.
    if raised - {"FednodeQuorumAtRisk"}:
        raise AssertionError(f"nothing is wrong, yet there are {raised}")


def loss(lab):
    lab.nodes[2].stop()

    def raised() -> set[tuple]:
        alerts = [alert["labels"] for rule in rules(lab) for alert in rule["alerts"]]
        return {(labels["alertname"], labels["instance"], labels.get("peer")) for labels in alerts}

    one, two, three = (f"127.0.0.1:{node.port}" for node in lab.nodes)
    wanted = {
        ("FednodeDown", three, None), ("FednodeMemberUnreachable", one, "three"), ("FednodeMemberUnreachable", two, "three"),
    }
    try:
        wait_until("the alerts of a node that is gone", lambda: wanted <= raised(), 10)
    except AssertionError as error:
        raise AssertionError(f"{error}; there are {raised()}") from None


CASES = [
    ("promtool: configuration, rules, tests of the rules", files),
    ("the dashboard's layout", layout),
    ("members agree, dials fail, requests are refused", traffic),
    ("a scrape needs the token, and has it", tokens),
    ("promtool check metrics is silent; Prometheus reads OpenMetrics", formats),
    (f"no series more after {PEERS:,} peer ids", cardinality),
    ("every query of the dashboard has data", board),
    ("every query of the alert rules has data", alerts),
    ("no alert while all is well", quiet),
    ("a node that is gone is pending, and named by those who miss it", loss),
]
