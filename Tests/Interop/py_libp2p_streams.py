"""Streams of a py-libp2p host by number, for a driver that asks for bytes one request at a time."""

import trio
from libp2p.custom_types import TProtocol
from libp2p.host.exceptions import StreamFailure
from libp2p.peer.id import ID


class Held:
    """A stream with what came on it. It is read from the start: py-libp2p 0.8.1 takes a read that waits for 30 s for
    an error."""

    def __init__(self, stream):
        self.stream, self.data, self.ended = stream, b"", False
        self.news = trio.Event()

    async def read_all(self):
        while not self.ended:
            try:
                chunk = await self.stream.muxed_stream.read(65536)
            except Exception:
                chunk, self.ended = await self._rest(), True
            self.data += chunk
            self.news.set()
            self.news = trio.Event()

    async def _rest(self) -> bytes:
        """What py-libp2p has yet to tell when it says that the stream is over: bytes that came together with the end,
        and bytes behind a STOP_SENDING, which it takes for the end of both directions."""
        muxed = self.stream.muxed_stream
        with trio.move_on_after(1):
            while not muxed._read_closed and not muxed.is_reset():
                await trio.sleep(0.01)
        return muxed._extract_data_from_buffer(-1) if muxed._receive_buffer else b""


class Streams:
    def __init__(self, host, nursery: trio.Nursery):
        self._host, self._nursery = host, nursery
        self._held: list[Held] = []
        self._arrived_in, self._arrived = trio.open_memory_channel(100)

    def _hold(self, stream) -> dict:
        held = Held(stream)
        self._held.append(held)
        self._nursery.start_soon(held.read_all)
        return {
            "stream": len(self._held) - 1, "protocol": str(stream.get_protocol()),
            "peer": str(stream.muxed_conn.peer_id)}

    async def open(self, request: dict) -> dict:
        protocols = [TProtocol(protocol) for protocol in request["protocols"]]
        try:
            return self._hold(await self._host.new_stream(ID.from_base58(request["peer"]), protocols))
        except StreamFailure as error:
            # It says why in its cause only.
            raise StreamFailure(f"{error}: {error.__cause__}") from error

    async def serve(self, request: dict) -> dict:
        async def arrived(stream):
            await self._arrived_in.send(self._hold(stream))

        for protocol in request["protocols"]:
            self._host.set_stream_handler(TProtocol(protocol), arrived)
        return {}

    async def accept(self, request: dict) -> dict:
        with trio.fail_after(request["seconds"]):
            return await self._arrived.receive()

    async def write(self, request: dict) -> dict:
        await self._held[request["stream"]].stream.muxed_stream.write(bytes.fromhex(request["data"]))
        return {}

    async def read(self, request: dict) -> dict:
        held = self._held[request["stream"]]
        with trio.move_on_after(request["seconds"]):
            while not held.data and not held.ended:
                await held.news.wait()
        data, held.data = held.data, b""
        return {"data": data.hex(), "ended": held.ended and not data}

    async def finish(self, request: dict) -> dict:
        await self._held[request["stream"]].stream.muxed_stream.close_write()
        return {}

    async def close(self, request: dict) -> dict:
        await self._held[request["stream"]].stream.muxed_stream.reset(error_code=0)
        return {}
