"""A program of somebody who generated a client from the specification: URL, a connected peer's id, another peer's id and
its address."""

import sys

from fednode_client import Client
from fednode_client.api.dialling import dial
from fednode_client.api.peers import get_peer, list_peers
from fednode_client.models import DialAddressRequest, DialAnswer, PeerList, Problem, State

url, connected, other, address = sys.argv[1:]
with Client(base_url=url, raise_on_unexpected_status=True) as client:
    peers = list_peers.sync(client=client, limit=1000)
    assert isinstance(peers, PeerList), peers
    listed = {peer.peer_id: peer for peer in peers.items}
    assert listed[connected].state == State.CONNECTED, listed[connected]
    assert listed[connected].pinned is True
    assert listed[connected].rtt_ms > 0
    answer = dial.sync(client=client, body=DialAddressRequest(address=f"{address}/p2p/{other}", timeout_ms=5000))
    assert isinstance(answer, DialAnswer), answer
    assert answer.connection.peer_id == other and not answer.reused
    assert answer.attempts[-1].address.startswith(address), answer.attempts
    assert list_peers.sync(client=client, state=[State.CONNECTED]).total >= 2
    wrong = get_peer.sync(client=client, peer_id="nobody")
    assert isinstance(wrong, Problem) and wrong.code == "invalid_peer_id", wrong
