"""A py-libp2p host that is driven by lines of JSON: {"do": …} on stdin, an answer each on stdout."""

import json
import os
import sys
import time

import multiaddr
import trio
from aioquic.quic.connection import QuicConnection
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.exceptions import StreamFailure
from libp2p.host.ping import ID as PING
from libp2p.host.ping import handle_ping
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.transport.quic.listener import QUICListener

from py_libp2p_streams import Streams

IDENTIFY = TProtocol("/ipfs/id/1.0.0")


def take_ipv6_senders():
    """py-libp2p 0.8.1 knows addresses as pairs and drops what comes from an IPv6 one, which has four parts."""
    process, receive = QUICListener._process_packet, QuicConnection.receive_datagram

    async def process_packet(self, data, sender):
        await process(self, data, sender[:2])

    def receive_datagram(self, data, sender, now):
        receive(self, data, sender[:2], now)

    QUICListener._process_packet, QuicConnection.receive_datagram = process_packet, receive_datagram


async def read_to_end(stream) -> bytes:
    """py-libp2p tells of the end by an exception of one of several kinds, or by nothing read."""
    data = b""
    while True:
        try:
            chunk = await stream.read(65536)
        except Exception:
            return data
        if not chunk:
            return data
        data += chunk


async def identify(host, peer: ID) -> bytes:
    """Asks a few times: QUICStream.read of py-libp2p 0.8.1 looks at its buffer, yields, and then looks for the end.
    An answer that comes with its end (as a short one does) in between is taken for an empty one."""
    for _ in range(5):
        try:
            message = await read_to_end(await host.new_stream(peer, [IDENTIFY]))
        except StreamFailure:
            continue
        if message:
            return message
    raise EOFError("no identify message in five tries")


async def answer(host, streams: Streams, request: dict) -> dict:
    match request["do"]:
        case "dial":
            await host.connect(info_from_p2p_addr(multiaddr.Multiaddr(request["address"])))
            return {}
        case "ping":
            stream = await host.new_stream(ID.from_base58(request["peer"]), [PING])
            payload, start, echo = bytes.fromhex(request["payload"]), time.monotonic(), b""
            await stream.write(payload)
            while len(echo) < len(payload):
                echo += await stream.read(len(payload) - len(echo))
            await stream.close()
            return {"echo": echo.hex(), "rtt_ms": (time.monotonic() - start) * 1e3}
        case "identify":
            return {"message": (await identify(host, ID.from_base58(request["peer"]))).hex()}
        case "disconnect":
            await host.disconnect(ID.from_base58(request["peer"]))
            return {}
        case "peers":
            return {"peers": [str(peer) for peer in host.get_connected_peers()]}
        case "open" | "serve" | "accept" | "write" | "read" | "finish" | "close" as do:
            return await getattr(streams, do)(request)
    raise ValueError(f"what is {request['do']}?")


async def lines(stream):
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line


async def main():
    take_ipv6_senders()
    host = new_host(key_pair=create_new_key_pair(), enable_quic=True)
    listen = [multiaddr.Multiaddr(address) for address in sys.argv[1:]]
    async with host.run(listen_addrs=listen), trio.open_nursery() as nursery:
        streams = Streams(host, nursery)
        host.set_stream_handler(PING, handle_ping)
        print(json.dumps({"peer_id": str(host.get_id())}), flush=True)
        async for line in lines(trio.lowlevel.FdStream(os.dup(0))):
            try:
                with trio.fail_after(15):
                    reply = await answer(host, streams, json.loads(line))
            except Exception as error:
                reply = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(reply), flush=True)
        # The driver closed its end: leave at once, tasks of py-libp2p can hold a clean end up.
        os._exit(0)


trio.run(main)
