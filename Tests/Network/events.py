"""The story that a node tells by GET /v1/events, and whether it is whole and in order."""

import http.client
import json
import threading
import time

# Longer than the pause between two heartbeats, and than a node is ever stopped with SIGSTOP.
SILENCE_SECONDS = 120
STATE_CHANGES = ("peer.state_changed", "connection.state_changed")


class Story:
    """All events of one run of a node, as a thread of its own reads them."""

    def __init__(self, connection: http.client.HTTPConnection):
        self._events: list[dict] = []
        self._fault: str | None = None
        self._connection = connection
        # An answer with this status means that what happens from here on is sent.
        connection.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
        self._response = connection.getresponse()
        if self._response.status != 200:
            raise AssertionError(f"GET /v1/events answers {self._response.status}: {self._response.read()!r}")
        connection.sock.settimeout(SILENCE_SECONDS)
        self._base: list[dict] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def begin(self, connections: list[dict]):
        """With what was there just after the subscription: a node connects before its API is there to be asked."""
        self._base = connections

    def _read(self):
        try:
            while line := self._response.readline():
                # A node that is killed may leave half a line.
                if line.startswith(b"data:") and line.endswith(b"\n"):
                    self._events.append(json.loads(line[5:]))
        except TimeoutError:
            self._fault = f"nothing came for {SILENCE_SECONDS} s, not even a heartbeat"
        except (OSError, http.client.HTTPException):
            pass  # the node was killed, or is gone

    def finish(self, seconds: float = 5.0):
        """Waits for the end of the stream of a node that has ended."""
        self._thread.join(seconds)
        self._connection.close()

    def events(self) -> list[dict]:
        return list(self._events)

    def mark(self) -> int:
        """A place in the story for `since`."""
        return len(self._events)

    def since(self, mark: int, kind: str) -> list[dict]:
        return [event for event in self._events[mark:] if event["type"] == kind]

    def problems(self) -> list[str]:
        """What is out of order: a gap in the numbers, a state that does not follow from the one before it, a connection
        that lives on after its end, a peer that is told connected without a connection."""
        problems = [self._fault] if self._fault else []
        number, ended = None, {}
        # None: not known, as it was before the subscription.
        states: dict[str, str | None] = {connection["id"]: None for connection in self._base}
        live: dict[str, set[str]] = {}
        for connection in self._base:
            live.setdefault(connection["peer_id"], set()).add(connection["id"])
        for event in self.events():
            number, gap = self._follows(number, event)
            problems += gap
            if event["type"] not in STATE_CHANGES:
                continue
            peer, connection = event["peer_id"], event["connection_id"]
            subject, of_peer = connection or peer, live.setdefault(peer, set())
            before = states.get(subject, "connecting" if connection else None)
            if before not in (None, event["from"]):
                step = f"from {event['from']} to {event['to']}"
                problems.append(f"{event['id']}: {subject} was {before}, and goes {step}")
            if subject in ended:
                problems.append(f"{event['id']}: {subject} goes to {event['to']} after its end")
            states[subject] = event["to"]
            if connection and event["to"] == "connected":
                of_peer.add(connection)
            elif connection and event["to"] in ("idle", "failed"):
                of_peer.discard(connection)
                ended[connection] = event["reason"]
                if not event["reason"]:
                    problems.append(f"{event['id']}: {connection} ended without a reason")
            elif not connection and event["to"] == "connected" and not of_peer:
                problems.append(f"{event['id']}: {peer} is connected without a connection")
        self._states, self._live, self._ended = states, live, ended
        return problems

    @staticmethod
    def _follows(number: int | None, event: dict) -> tuple[int | None, list[str]]:
        if event["type"] == "reset":
            return number, [f"reset after number {number}, {event['reason']}"]
        now = int(event["id"].rsplit("-", 1)[1])
        if event["type"] == "snapshot":
            return now, []
        if number is not None and now != number + 1:
            return now, [f"{event['id']} follows number {number}"]
        return now, []

    def disagreements(self, peers: list[dict], connections: list[dict], closed: list[dict]) -> list[str]:
        """Where the story does not end in what the API says now. Call it when nothing happens, after `problems`."""
        told = []
        for peer in peers:
            state = self._states.get(peer["peer_id"])
            if state not in (None, peer["state"]):
                told.append(f"{peer['peer_id']} is {peer['state']}; its last event said {state}")
        listed = {connection["id"] for connection in connections}
        live = set().union(*self._live.values())
        if listed != live:
            told.append(f"connections are {sorted(listed)}; by the events they are {sorted(live)}")
        begin = self._events[0]["time"] if self._events else ""
        for connection in closed:
            reason, by_event = connection["close"]["reason"], self._ended.get(connection["id"])
            if by_event != reason and connection["closed_at"] >= begin:
                told.append(f"{connection['id']} was closed for {reason}; its last event said {by_event}")
        return told


def wait_until(what: str, condition, seconds: float, pause: float = 0.05):
    """The first true answer of `condition`; an error that names `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.1f} s for {what}")
        time.sleep(pause)
