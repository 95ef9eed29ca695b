"""What schemathesis cannot know by itself. Loaded by it (SCHEMATHESIS_HOOKS), told by the environment."""

import ipaddress
import json
import os
import re
import time

import jsonschema_rs
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.generation import GenerationMode
from wire import base58_encode

# Address by peer id, of the live peers.
LIVE = json.loads(os.environ["FEDNODE_API_LIVE"])

# MARK: Formats that the specification names

ed25519_ids = st.binary(min_size=32, max_size=32).map(lambda key: base58_encode(b"\x00\x24\x08\x01\x12\x20" + key))
peer_ids = st.sampled_from(list(LIVE)) | ed25519_ids
# On loopback, so that nothing leaves the machine; `.invalid` is nowhere (RFC 6761 §6.4).
CLOSED = "/ip4/127.0.0.1/udp/9/quic-v1"
addresses = st.sampled_from([*LIVE.values(), CLOSED, "/ip6/::1/udp/9/quic-v1", "/dns4/x.invalid/udp/9/quic-v1"])
networks = st.tuples(st.integers(0, 255), st.integers(0, 255)).map(lambda pair: f"198.18.{pair[0]}.{pair[1]}")
entries = ed25519_ids | networks | st.sampled_from(["198.51.100.0/24", "2001:db8::/32"])
schemathesis.openapi.format("peer-id", peer_ids)
schemathesis.openapi.format("multiaddr", addresses)
schemathesis.openapi.format("blocklist-entry", entries)


def is_peer_id(text: str) -> bool:
    return re.fullmatch("12D3KooW[1-9A-HJ-NP-Za-km-z]{44}", text) is not None


def is_multiaddr(text: str) -> bool:
    return text in LIVE.values() or re.fullmatch("/(ip[46]|dns[46]?)/[0-9a-z.:-]+/udp/[0-9]+/quic-v1", text) is not None


def is_blocklist_entry(text: str) -> bool:
    try:
        return is_peer_id(text) or ipaddress.ip_network(text, strict=False) is not None
    except ValueError:
        return False


FORMATS = {"peer-id": is_peer_id, "multiaddr": is_multiaddr, "blocklist-entry": is_blocklist_entry}

# MARK: Examples and values that depend on the node

SPECIFICATION = {}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Examples are about a peer that is there, at an address where nobody listens: nothing leaves the machine. And a node
    with tokens lets nobody in without one; that it may have none is the other half of the specification."""
    replacements = {
        "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA": list(LIVE)[-1],
        "/ip4/192.0.2.7/udp/9000/quic-v1": CLOSED,
        "/dns4/fed-01.example/udp/9000/quic-v1": CLOSED,
    }
    text = json.dumps(raw_schema["paths"]), json.dumps(raw_schema["components"])
    for old, new in replacements.items():
        text = tuple(part.replace(old, new) for part in text)
    raw_schema["paths"], raw_schema["components"] = map(json.loads, text)
    if "FEDNODE_API_TOKEN" in os.environ:
        raw_schema["security"] = [{"token": []}]
        # By default (`api.metrics_public`).
        raw_schema["paths"]["/metrics"]["get"]["security"] = [{}]
    SPECIFICATION.update(raw_schema)


@schemathesis.hook
def before_call(context, case, kwargs):
    """What no schema can say: which cursors a page gave, so that made up ones are wrong whatever they look like, and that a
    time must be in the future."""
    if not case.meta or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    (case.query or {}).pop("cursor", None)
    if isinstance(case.body, dict) and isinstance(case.body.get("expires_at"), str):
        case.body["expires_at"] = "2100-01-01T00:00:00.000Z"


# MARK: Deleting by 202, which only begins it

GONE_SECONDS = 5


@schemathesis.hook
def after_call(context, case, response):
    """A connection says goodbye first; what follows finds it gone, or is a fault."""
    if case.method != "DELETE" or case.operation.path != "/v1/connections/{id}" or response.status_code != 202:
        return
    deadline = time.monotonic() + GONE_SECONDS
    url = response.request.url.partition("?")[0]
    while requests.get(url, headers=response.request.headers, timeout=GONE_SECONDS).status_code == 200:
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)


load_all_checks()
check_use_after_free = CHECKS.get_one("use_after_free")
check_rejection = CHECKS.get_one("negative_data_rejection")


@CHECKS.register
def negative_data_rejection(ctx, response, case):
    """Values of formats of our own are all wrong to schemathesis when it makes a body that shall be wrong; so at times it
    makes one that is not, `{"addresses": null}` where an address in the list was to be wrong."""
    try:
        return check_rejection(ctx, response, case)
    except AcceptedNegativeData:
        if is_wrong_only_in_body(case) and is_body_as_specified(case):
            return None
        raise


def is_wrong_only_in_body(case) -> bool:
    return [place.name for place, part in case.meta.components.items() if part.mode.is_negative] == ["BODY"]


def is_body_as_specified(case) -> bool:
    content = SPECIFICATION["paths"][case.operation.path][case.method.lower()]["requestBody"]["content"]
    schema = content[case.media_type]["schema"] | {"components": SPECIFICATION["components"]}
    return jsonschema_rs.Draft202012Validator(schema, formats=FORMATS, validate_formats=True).is_valid(case.body)


@CHECKS.register
def use_after_free(ctx, response, case):
    """A dial that was cancelled is one that has ended, which can be read."""
    return None if case.operation.path == "/v1/dials/{id}" else check_use_after_free(ctx, response, case)


# MARK: Answers without an end

send = requests.adapters.HTTPAdapter.send


def send_and_hang_up(adapter, request, **options):
    """Of the events, the beginning."""
    response = send(adapter, request, **options)
    if response.headers.get("Content-Type") == "text/event-stream":
        response._content = next(response.iter_content(1024), b"")
        response._content_consumed = True
        response.close()
    return response


requests.adapters.HTTPAdapter.send = send_and_hang_up
