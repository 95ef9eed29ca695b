// swift-format-ignore-file
// Written by openapi/embed from openapi/openapi.yaml.

/// The specification that this server was built with.
enum OpenAPIDocument {
  static let yaml = ##"""
openapi: 3.1.0
info:
  title: fednode management API
  version: 0.1.0
  license: { name: MIT, identifier: MIT }
  summary: See and drive a node of a federation.
  description: |
    The API of one node: which peers it knows, which connections it has, what happens, and the few things that an
    operator does by hand.

    **Conventions.** HTTP/1.1 with keep-alive; JSON in UTF-8; names in `snake_case`; times in RFC 3339, UTC, with
    milliseconds; durations carry their unit in the name; byte counts are plain numbers. What is not known is `null`,
    never a made-up zero. Peer ids are written in base58btc (`12D3KooW…`, `Qm…`); CIDv1 (`bafz…`, `k51…`) is read
    as well.

    **Strict input.** An unknown query parameter or body field, a wrong type, a duplicate key, more than 32 levels
    of nesting, a body of more than 64 KiB, a path and query of more than 8 KiB or 128 parameters is refused. Headers and
    body must arrive within 5 seconds.

    **Errors** are `application/problem+json` (RFC 9457) with a stable `code`; what is not even HTTP, or has headers of
    more than 32 KiB, is refused with a short page or by closing the connection.

    **Every answer** has `X-Request-Id`: the request's own, where it is 1 to 64 of `[A-Za-z0-9._-]`, or a new one.
    `HEAD` works wherever `GET` does, and `OPTIONS` tells the methods of a path.

    **Access.** The API listens on loopback or a Unix socket, and beyond only with a token. Where the node has tokens
    (`api.token_file`, `api.admin_token_file`) every request must show one, as `Authorization: Bearer …`: either to
    look, the admin token to change something. `/`, `/livez` and `/readyz` need none, nor does `/metrics` unless
    `api.metrics_public` is false. With `api.tls` the API is HTTPS, and with `api.tls.client_ca_file` a client must show
    a certificate, whatever it asks. A request whose `Host` is neither a loopback name nor configured in `api.hosts` is
    refused, and so is a request that changes something and carries the `Origin` of another site. Every request that
    changes something leaves a line in the log, subsystem `audit`.

    **Limits.** 2,048 connections at a time, 1,536 of one IP address; idle ones are closed after 60 seconds. A client, which
    is an IPv4 address, an IPv6 /64 or a user of the Unix socket, may send `limits.api_requests_per_second` and twice as
    many at once; what is beyond is answered with 429 and `Retry-After`.
servers:
  - url: http://127.0.0.1:9080
    description: The default.
security:
  - {}
  - token: []
tags:
  - name: node
    description: The node itself.
  - name: peers
    description: Peers that the node knows.
  - name: connections
    description: Live connections.
  - name: dialling
    description: Making connections.
  - name: access
    description: Who may connect.
  - name: protocols
    description: What the node serves on streams.
  - name: events
    description: What happens, as it happens.
  - name: health
    description: For probes.
  - name: metrics
    description: For Prometheus.
  - name: configuration
    description: What the node runs with.
  - name: specification
    description: This document.
paths:
  /:
    get:
      tags: [node]
      operationId: getStatusPage
      security: [{}]
      summary: The status page
      description: |
        For people with a browser: this node, its peers as they come and go, what happens, and forms for what an operator
        does by hand. The page holds no data and needs no token; it asks for one when the API wants one.
      responses:
        "200":
          description: The page.
          headers:
            Content-Security-Policy:
              description: "Lets the page's own script and style run, and nothing else."
              schema: { type: string }
          content:
            text/html:
              schema: { type: string }
        default: { $ref: "#/components/responses/Problem" }
  /v1/node:
    get:
      tags: [node]
      operationId: getNode
      summary: The node
      description: Who this node is, what its sockets are really bound to, and how much it has of everything.
      responses:
        "200":
          description: The node.
          headers:
            X-Request-Id: { $ref: "#/components/headers/X-Request-Id" }
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Node" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/peers:
    get:
      tags: [peers]
      operationId: listPeers
      summary: Known peers
      description: Sorted by the bytes of the peer id.
      parameters:
        - $ref: "#/components/parameters/State"
        - $ref: "#/components/parameters/Direction"
        - name: pinned
          in: query
          description: Only those that are kept connected, or only the others.
          schema: { type: array, items: { type: string, enum: ["true", "false"] } }
          style: form
          explode: true
        - name: blocked
          in: query
          description: Only those on the blocklist, or only the others.
          schema: { type: array, items: { type: string, enum: ["true", "false"] } }
          style: form
          explode: true
        - $ref: "#/components/parameters/Limit"
        - $ref: "#/components/parameters/Cursor"
      responses:
        "200":
          description: A page of peers.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/PeerList" }
          links:
            FirstPeer: { operationId: getPeer, parameters: { peer_id: "$response.body#/items/0/peer_id" } }
            PingFirstPeer: { operationId: pingPeer, parameters: { peer_id: "$response.body#/items/0/peer_id" } }
        default: { $ref: "#/components/responses/Problem" }
  /v1/peers/{peer_id}:
    parameters:
      - $ref: "#/components/parameters/PeerID"
    get:
      tags: [peers]
      operationId: getPeer
      summary: One peer
      description: With what is known of it, its connections, and how each of its addresses did.
      responses:
        "200":
          description: The peer.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Peer" }
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
    put:
      tags: [peers]
      operationId: putPeer
      summary: Put a peer into the address book
      description: |
        Adds it or changes it; a field that is left out stays as it was. A pinned peer is kept connected: dialled now,
        redialled for ever with growing waits, never trimmed. The book survives a restart. In allow-list mode only
        its peers may connect.
      requestBody:
        required: false
        content:
          application/json:
            schema: { $ref: "#/components/schemas/PeerRequest" }
            example: { addresses: [/dns4/fed-01.example/udp/9000/quic-v1], name: fed-01, pinned: true }
      responses:
        "200":
          description: Changed.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Peer" }
        "201":
          description: New in the book.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Peer" }
          links:
            Peer: { operationId: getPeer, parameters: { peer_id: "$response.body#/peer_id" } }
            Connect: { operationId: connectPeer, parameters: { peer_id: "$response.body#/peer_id" } }
            Disconnect: { operationId: disconnectPeer, parameters: { peer_id: "$response.body#/peer_id" } }
            Ping: { operationId: pingPeer, parameters: { peer_id: "$response.body#/peer_id" } }
            Retry: { operationId: clearBackoff, parameters: { peer_id: "$response.body#/peer_id" } }
            Forget: { operationId: deletePeer, parameters: { peer_id: "$response.body#/peer_id" } }
        "409": { $ref: "#/components/responses/Problem" }
        "429": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
    delete:
      tags: [peers]
      operationId: deletePeer
      summary: Forget a peer
      description: Cancels its dials, closes its connections and takes it out of the address book.
      responses:
        "204":
          description: Forgotten.
        "404": { $ref: "#/components/responses/Problem" }
        "409": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/peers/{peer_id}/connect:
    parameters:
      - $ref: "#/components/parameters/PeerID"
    post:
      tags: [peers]
      operationId: connectPeer
      summary: Connect to a known peer
      description: Dials it at the addresses known, and ends the pause of a pinned peer that was disconnected.
      requestBody:
        required: false
        content:
          application/json:
            schema: { $ref: "#/components/schemas/ConnectRequest" }
            example: { timeout_ms: 5000 }
      responses:
        "200":
          description: Connected.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/DialAnswer" }
        "403": { $ref: "#/components/responses/DialProblem" }
        "404": { $ref: "#/components/responses/Problem" }
        "409": { $ref: "#/components/responses/DialProblem" }
        "429": { $ref: "#/components/responses/DialProblem" }
        "502": { $ref: "#/components/responses/DialProblem" }
        "503": { $ref: "#/components/responses/DialProblem" }
        "504": { $ref: "#/components/responses/DialProblem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/peers/{peer_id}/backoff:
    parameters:
      - $ref: "#/components/parameters/PeerID"
    delete:
      tags: [peers]
      operationId: clearBackoff
      summary: Forget what failed and retry a pinned peer now
      description: The wait before its next dial ends now. It is no error when there is none.
      responses:
        "204":
          description: Begun, where the peer is pinned and not connected.
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/peers/{peer_id}/ping:
    parameters:
      - $ref: "#/components/parameters/PeerID"
    post:
      tags: [peers]
      operationId: pingPeer
      summary: Measure the round trip to a connected peer
      description: |
        Sends pings one after the other over the connection there is; it makes none. A ping that fails is a result,
        not an error of the request.
      requestBody:
        required: false
        content:
          application/json:
            schema: { $ref: "#/components/schemas/PingRequest" }
            example: { count: 3, timeout_ms: 2000 }
      responses:
        "200":
          description: The results, in order.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/PingAnswer" }
              example:
                rtt_ms: { min: 0.412, mean: 0.455, max: 0.498 }
                results:
                  - { rtt_ms: 0.498, error: null }
                  - { rtt_ms: 0.412, error: null }
        "404": { $ref: "#/components/responses/Problem" }
        "409": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/peers/{peer_id}/disconnect:
    parameters:
      - $ref: "#/components/parameters/PeerID"
    post:
      tags: [peers]
      operationId: disconnectPeer
      summary: Close all connections to a peer
      description: |
        Gracefully: streams may finish. The connections go to `disconnecting` and then away; follow the events, or
        ask for the peer, to see it. It is no error when there is no connection. A pinned peer is paused: it is not
        redialled until `connect`.
      requestBody:
        required: false
        content:
          application/json:
            schema: { $ref: "#/components/schemas/DisconnectRequest" }
            example: { reason: maintenance }
      responses:
        "202":
          description: Begun.
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/connections:
    get:
      tags: [connections]
      operationId: listConnections
      summary: Live connections, or those that are gone
      description: |
        Live ones, the oldest first. With `state=closed` the last 10,000 that are gone, the newest first, each with
        `closed_at` and `close`.
      parameters:
        - name: peer_id
          in: query
          description: Only those to this peer. Repeated, to any of them.
          schema: { type: array, items: { $ref: "#/components/schemas/PeerID" } }
          style: form
          explode: true
        - name: state
          in: query
          description: Only those in this state. Repeated, in any of them; `closed` stands alone.
          schema:
            oneOf:
              - type: array
                items: { $ref: "#/components/schemas/State" }
              - type: array
                minItems: 1
                maxItems: 1
                items: { type: string, enum: [closed] }
          style: form
          explode: true
        - $ref: "#/components/parameters/Direction"
        - name: sort
          in: query
          description: |
            By this figure, the least first, or with `-` before it the greatest first; connections of which it is not known
            come last. Figures of live connections change from page to page, so that one may be on two of them or on
            none.
          schema:
            type: string
            enum:
              - opened_at
              - -opened_at
              - last_activity_at
              - -last_activity_at
              - rtt_ms
              - -rtt_ms
              - bytes_in
              - -bytes_in
              - bytes_out
              - -bytes_out
        - $ref: "#/components/parameters/Limit"
        - $ref: "#/components/parameters/Cursor"
      responses:
        "200":
          description: A page of connections.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/ConnectionList" }
          links:
            FirstConnection: { operationId: getConnection, parameters: { id: "$response.body#/items/0/id" } }
        default: { $ref: "#/components/responses/Problem" }
  /v1/connections/{id}:
    parameters:
      - $ref: "#/components/parameters/ConnectionID"
    get:
      tags: [connections]
      operationId: getConnection
      summary: One connection
      description: A live one. Those that are gone are in `GET /v1/connections?state=closed`.
      responses:
        "200":
          description: The connection, with figures of this moment.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Connection" }
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
    delete:
      tags: [connections]
      operationId: closeConnection
      summary: Close a connection
      description: It goes to `disconnecting` and then away; until then it can be read.
      parameters:
        - name: mode
          in: query
          description: "`graceful` lets streams finish, for a moment; `abort` closes at once."
          schema: { type: string, enum: [graceful, abort], default: graceful }
      responses:
        "202":
          description: Begun.
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/dial:
    post:
      tags: [dialling]
      operationId: dial
      summary: Connect to a peer
      description: |
        Dials an address, or a peer at the addresses given or else at those known. A live connection to a named peer
        is used again, and a dial under way to it is joined. The answer comes when the dial has ended, with every
        address that was tried; when the caller hangs up before, the dial is cancelled unless somebody else waits for
        it. With `wait: false` the answer comes at once and `Location` names the dial.
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: "#/components/schemas/DialRequest" }
            examples:
              address:
                summary: Whoever answers at an address, or the peer that it names
                value: { address: /ip4/192.0.2.7/udp/9000/quic-v1, timeout_ms: 5000 }
              peer:
                summary: A peer at addresses of your own
                value:
                  peer_id: 12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA
                  addresses: [/dns4/fed-01.example/udp/9000/quic-v1]
      responses:
        "200":
          description: Connected.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/DialAnswer" }
          links:
            Connection: { operationId: getConnection, parameters: { id: "$response.body#/connection/id" } }
            Close: { operationId: closeConnection, parameters: { id: "$response.body#/connection/id" } }
        "202":
          description: Begun; only with `wait` false.
          headers:
            Location:
              description: Where the dial is.
              schema: { type: string }
              example: /v1/dials/d-17
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Dial" }
          links:
            Dial: { operationId: getDial, parameters: { id: "$response.body#/id" } }
            Cancel: { operationId: cancelDial, parameters: { id: "$response.body#/id" } }
        "400":
          description: The body or an address in it is wrong.
          content:
            application/problem+json:
              schema: { $ref: "#/components/schemas/Problem" }
        "403": { $ref: "#/components/responses/DialProblem" }
        "409": { $ref: "#/components/responses/DialProblem" }
        "429": { $ref: "#/components/responses/DialProblem" }
        "502": { $ref: "#/components/responses/DialProblem" }
        "503": { $ref: "#/components/responses/DialProblem" }
        "504": { $ref: "#/components/responses/DialProblem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/dials:
    get:
      tags: [dialling]
      operationId: listDials
      summary: Dials under way and lately ended
      description: The newest first; the last 1,024 that ended.
      parameters:
        - name: state
          in: query
          description: Only those in this state. Repeated, in any of them.
          schema: { type: array, items: { $ref: "#/components/schemas/DialState" } }
          style: form
          explode: true
        - name: peer_id
          in: query
          description: Only those to this peer. Repeated, to any of them.
          schema: { type: array, items: { $ref: "#/components/schemas/PeerID" } }
          style: form
          explode: true
        - $ref: "#/components/parameters/Limit"
        - $ref: "#/components/parameters/Cursor"
      responses:
        "200":
          description: A page of dials.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/DialList" }
          links:
            FirstDial: { operationId: getDial, parameters: { id: "$response.body#/items/0/id" } }
        default: { $ref: "#/components/responses/Problem" }
  /v1/dials/{id}:
    parameters:
      - name: id
        in: path
        required: true
        description: Of a dial.
        schema: { type: string, pattern: "^d-[0-9]{1,20}$" }
        example: d-17
    get:
      tags: [dialling]
      operationId: getDial
      summary: One dial
      description: One that is under way, or one of the last 1,024 that ended.
      responses:
        "200":
          description: The dial, with every address that was tried so far.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Dial" }
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
    delete:
      tags: [dialling]
      operationId: cancelDial
      summary: Cancel a dial
      description: It ends as `cancelled` and can be read then, whoever waits for it.
      responses:
        "202":
          description: Begun.
        "404": { $ref: "#/components/responses/Problem" }
        "409": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/blocklist:
    get:
      tags: [access]
      operationId: listBlocklist
      summary: Peers and networks that are refused
      description: In the order of their text.
      parameters:
        - $ref: "#/components/parameters/Limit"
        - $ref: "#/components/parameters/Cursor"
      responses:
        "200":
          description: A page of entries.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/BlockList" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/blocklist/{entry}:
    parameters:
      - name: entry
        in: path
        required: true
        description: A peer id, an IP address or a network; in the URL its slash is `%2F`, as everywhere in a path.
        schema: { type: string, format: blocklist-entry, maxLength: 128 }
        example: 198.51.100.0/24
    put:
      tags: [access]
      operationId: block
      summary: Refuse a peer or a network
      description: Closes the connections that it matches. Kept across restarts. 4,096 entries at most.
      requestBody:
        required: false
        content:
          application/json:
            schema: { $ref: "#/components/schemas/BlockRequest" }
            example: { reason: key compromised, expires_at: "2030-01-31T00:00:00Z" }
      responses:
        "200":
          description: Changed.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Block" }
        "201":
          description: New.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Block" }
          links:
            Unblock: { operationId: unblock, parameters: { entry: "$response.body#/entry" } }
        "429": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
    delete:
      tags: [access]
      operationId: unblock
      summary: Refuse it no more
      description: Nothing is dialled by it; a pinned peer comes back with its next attempt.
      responses:
        "204":
          description: Gone.
        "404": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/unknown-peers:
    get:
      tags: [access]
      operationId: listUnknownPeers
      summary: Who knocked and was refused
      description: In allow-list mode; the last 256, who knocked last comes first. `PUT /v1/peers/{peer_id}` lets one in.
      parameters:
        - $ref: "#/components/parameters/Limit"
        - $ref: "#/components/parameters/Cursor"
      responses:
        "200":
          description: A page of peers.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/UnknownPeerList" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/protocols:
    get:
      tags: [protocols]
      operationId: listProtocols
      summary: The protocols that the node serves
      description: |
        In the order of their registration. What a handler serves is one item, whatever the number of its ids. One that
        was withdrawn is here until its last stream ends.
      parameters:
        - $ref: "#/components/parameters/Limit"
        - $ref: "#/components/parameters/Cursor"
      responses:
        "200":
          description: A page of protocols.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/ProtocolList" }
              example:
                items:
                  - ids: [vtcp/btc-foundation/v1.0.0]
                    versions: ["1.0.0"]
                    state: registered
                    delays_shutdown: false
                    limits:
                      streams: 16384
                      streams_per_peer: 128
                      streams_per_second: null
                      streams_per_second_per_peer: null
                      first_byte_ms: null
                      lifetime_ms: null
                    streams:
                      open: 11
                      opened: 15
                      refused: { streams: 0, streams_per_peer: 2, streams_per_second: 0, streams_per_second_per_peer: 0 }
                      reset:
                        none: 3
                        protocol_negotiation_failed: 0
                        resource_limit_exceeded: 0
                        rate_limited: 0
                        protocol_violation: 1
                        supplanted: 0
                        garbage_collected: 0
                        shutdown: 0
                        gated: 0
                        other: 0
                total: 1
                next_cursor: null
        default: { $ref: "#/components/responses/Problem" }
  /v1/events:
    get:
      tags: [events]
      operationId: followEvents
      summary: Follow what happens
      description: |
        Server-sent events, until one side closes: from now on, or from where `Last-Event-ID` or `since` says. An event is
        published after the state that it tells of can be read. Its id is the boot id of the node and a number that grows
        by one per event of the node, whatever the filter. A comment comes every 15 seconds.

        To resume, send the id of the last event seen: what came after it is sent, then what happens, without a gap or a
        repeat. The node keeps its last 16,384 events (16 MiB at most). Where the next event is not among them, or the id
        is of another run of the node, a `reset` comes first and then a `snapshot`; the events after the snapshot are
        those with the numbers after its id. A `reset` has no id of its own: who is cut off before the snapshot resumes
        with what it had. `since=0` starts with the snapshot. To follow without missing anything: begin with `since=0`,
        take the state from the snapshot, apply what comes, and take every later snapshot in place of what you have.

        A reader is never waited for. One that had caught up and is more than 1,024 events behind is sent a `reset` and a
        `snapshot` and goes on from there. Who takes nothing at all for 60 seconds is disconnected. 1,024 readers at a
        time.
      parameters:
        - name: types
          in: query
          description: |
            Only events of these types; separated by commas, repeated, or both. `reset` and `snapshot` come whatever the
            types are.
          schema: { type: array, minItems: 1, items: { $ref: "#/components/schemas/EventType" } }
          style: form
          explode: false
          example: [peer.state_changed, connection.state_changed]
        - name: peer_id
          in: query
          description: Only events of this peer, and only what is its own in a snapshot. Repeated, of any of them.
          schema: { type: array, items: { $ref: "#/components/schemas/PeerID" } }
          style: form
          explode: true
        - name: since
          in: query
          description: |
            Id of an event: those after it are sent first. `0` starts with a snapshot. Without it, and without
            `Last-Event-ID`, the stream starts with the next event.
          schema: { type: string, pattern: "^(0|[0-9a-z]{1,64}-[0-9]{1,19})$" }
          example: 8f3a1c0b77de-1042
        - name: Last-Event-ID
          in: header
          description: The same as `since`, and wins over it; browsers send it when they connect again.
          schema: { type: string }
          example: 8f3a1c0b77de-1042
      responses:
        "200":
          description: The stream. The data of each event is an `Event` in one line.
          content:
            text/event-stream:
              schema: { type: string }
              example: |
                retry: 2000

                id: 8f3a1c0b77de-1042
                event: connection.state_changed
                data: {"id":"8f3a1c0b77de-1042","time":"2026-01-31T23:59:59.123Z","type":"connection.state_changed",…}
        "429": { $ref: "#/components/responses/Problem" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/health:
    get:
      tags: [health]
      operationId: getHealth
      summary: How the node is
      description: Always 200; `/livez` and `/readyz` answer with a status.
      responses:
        "200":
          description: Every check.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Health" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/health/history:
    get:
      tags: [health]
      operationId: getHealthHistory
      summary: How the node was in the last hour
      description: |
        The last 60 minutes, the oldest first, each as it was at its worst; the node looks every 10 seconds. Minutes in
        which it did not run are missing.
      responses:
        "200":
          description: The minutes.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/HealthHistory" }
        default: { $ref: "#/components/responses/Problem" }
  /livez:
    get:
      tags: [health]
      operationId: getLive
      security: [{}]
      summary: Whether the process serves
      description: Fails when an event loop is stuck, never for want of peers.
      responses:
        "200":
          description: Alive.
          content:
            text/plain:
              schema: { type: string }
              example: "ok\n"
            application/json:
              schema: { $ref: "#/components/schemas/Health" }
        "503":
          description: Stuck; start it anew.
          content:
            text/plain:
              schema: { type: string }
            application/json:
              schema: { $ref: "#/components/schemas/Health" }
        default: { $ref: "#/components/responses/Problem" }
  /readyz:
    get:
      tags: [health]
      operationId: getReady
      security: [{}]
      summary: Whether the node takes connections
      description: 200 when each check but those left out passes; a warning is no reason to take a node out of service.
      parameters:
        - name: verbose
          in: query
          description: Say each check, not only `ok`.
          schema: { type: string, enum: ["", "true", "1", "false", "0"] }
          allowEmptyValue: true
        - name: exclude
          in: query
          description: Leave out this check. May be repeated.
          schema: { type: array, items: { $ref: "#/components/schemas/CheckName" } }
          style: form
          explode: true
      responses:
        "200":
          description: Ready.
          content:
            text/plain:
              schema: { type: string }
              example: "ok\n"
            application/json:
              schema: { $ref: "#/components/schemas/Health" }
        "503":
          description: Not ready; the body says why.
          content:
            text/plain:
              schema: { type: string }
              example: "[+]listening ok\n[-]accepting failed: the node is shutting down\nreadyz check failed\n"
            application/json:
              schema: { $ref: "#/components/schemas/Health" }
        default: { $ref: "#/components/responses/Problem" }
  /metrics:
    get:
      tags: [metrics]
      operationId: getMetrics
      summary: Figures for Prometheus
      description: |
        Text exposition format 0.0.4, or OpenMetrics 1.0 where `Accept` prefers `application/openmetrics-text`.
        `libp2p_swarm_*` have the names and labels that go-libp2p gives them, where they mean the same; the values of
        `error` are the classes of this API. The rest begins with `fednode_` or `process_`. Units are base units and in
        the name, counters end in `_total`.

        No label holds what a peer chose. `peer` is the name that the configuration or an operator gave a pinned peer;
        pinned peers without a name are counted together as `unknown`, all others only by state. `route` is a path of
        this document, or `none`. While the node's event loop is stuck, `fednode_ready` is 0 and figures that the node
        itself would have to give are absent.
      responses:
        "200":
          description: The figures.
          content:
            text/plain:
              schema: { type: string }
              example: |
                # HELP libp2p_swarm_connections_opened_total Connections opened.
                # TYPE libp2p_swarm_connections_opened_total counter
                libp2p_swarm_connections_opened_total{dir="inbound",transport="quic-v1",security="",muxer="",early_muxer="false",ip_version="ip4"} 3
            application/openmetrics-text:
              schema: { type: string }
              example: |
                # HELP fednode_dials Dials under way.
                # TYPE fednode_dials gauge
                fednode_dials 1
                # EOF
        default: { $ref: "#/components/responses/Problem" }
  /v1/config:
    get:
      tags: [configuration]
      operationId: getConfiguration
      summary: The configuration in force
      description: Every key, with its value and where that came from. A secret is shown as `[secret]`.
      responses:
        "200":
          description: The configuration.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Configuration" }
        default: { $ref: "#/components/responses/Problem" }
  /v1/config/reload:
    post:
      tags: [configuration]
      operationId: reloadConfiguration
      summary: Read the configuration again
      description: |
        The same as SIGHUP: the file, the peers file and the token files are read, with the flags and the environment of
        the start. All is taken over or nothing. `peers.static`, `peers.file`, tokens, `api.hosts`, `api.origins`,
        `api.metrics_public`, `api.insecure`, `limits.api_requests_per_second` and `logging` change at once; members that
        stay keep their connections. Of two reloads at once the second begins when the first has ended.
      responses:
        "200":
          description: In force.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Reload" }
              example: { changed: [logging.level], restart_required: [network.addresses] }
        "422":
          description: The configuration is wrong; the one before is still in force.
          content:
            application/problem+json:
              schema: { $ref: "#/components/schemas/ReloadProblem" }
              example:
                type: urn:fednode:problem:invalid_configuration
                title: The configuration is not valid
                status: 422
                detail: one thing is wrong with the configuration, see errors; what was in force still is
                code: invalid_configuration
                request_id: 4be1f0a97c31d2e8
                errors:
                  - place: /etc/fednode/fednode.yaml:3
                    key: logging.level
                    message: '"loud" is not known'
                    mend: write one of trace | debug | info | notice | warning | error | critical
        default: { $ref: "#/components/responses/Problem" }
  /v1/log-level:
    get:
      tags: [configuration]
      operationId: getLogLevel
      summary: What is logged
      description: With the subsystems that have a level of their own, and when these levels end.
      responses:
        "200":
          description: The levels in force.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/LogLevels" }
        default: { $ref: "#/components/responses/Problem" }
    put:
      tags: [configuration]
      operationId: putLogLevel
      summary: Log more, or less
      description: |
        Replaces all levels at once: an override that is left out is gone. With `revert_after_seconds` those return by
        themselves that were last set without it; a restart returns to the configuration in any case.
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: "#/components/schemas/LogLevelRequest" }
            example: { level: info, overrides: { api: debug }, revert_after_seconds: 600 }
      responses:
        "200":
          description: The levels in force now.
          content:
            application/json:
              schema: { $ref: "#/components/schemas/LogLevels" }
        default: { $ref: "#/components/responses/Problem" }
  /openapi.yaml:
    get:
      tags: [specification]
      operationId: getSpecification
      summary: This document
      description: As this server was built with it.
      responses:
        "200":
          description: The document.
          content:
            application/yaml:
              schema: { type: object }
            text/plain:
              schema: { type: string }
        default: { $ref: "#/components/responses/Problem" }
  /openapi.json:
    get:
      tags: [specification]
      operationId: getSpecificationAsJSON
      summary: This document as JSON
      description: The same as `/openapi.yaml`.
      responses:
        "200":
          description: The document.
          content:
            application/json:
              schema: { type: object }
        default: { $ref: "#/components/responses/Problem" }
components:
  securitySchemes:
    token:
      type: http
      scheme: bearer
      description: Needed where the node has tokens. One of scope `read` for `GET`, of scope `admin` for all else.
  headers:
    X-Request-Id:
      description: Names the request in the log.
      schema: { type: string }
  parameters:
    PeerID:
      name: peer_id
      in: path
      required: true
      description: A peer id in base58btc or as CIDv1.
      schema: { $ref: "#/components/schemas/PeerID" }
      example: 12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA
    ConnectionID:
      name: id
      in: path
      required: true
      description: Id of a live connection.
      schema: { type: string, pattern: "^c-[0-9]{1,20}$" }
      example: c-17
    State:
      name: state
      in: query
      description: Only those in this state. Repeated, in any of them.
      schema: { type: array, items: { $ref: "#/components/schemas/State" } }
      style: form
      explode: true
    Direction:
      name: direction
      in: query
      description: Only those in this direction. Repeated, in any of them.
      schema: { type: array, items: { $ref: "#/components/schemas/Direction" } }
      style: form
      explode: true
    Limit:
      name: limit
      in: query
      description: Items of a page at most.
      schema: { type: integer, minimum: 1, maximum: 1000, default: 100 }
    Cursor:
      name: cursor
      in: query
      description: "`next_cursor` of the page before, of the same list in the same order."
      schema: { type: string, format: cursor }
  responses:
    Problem:
      description: What was wrong, and what to do about it.
      headers:
        X-Request-Id: { $ref: "#/components/headers/X-Request-Id" }
      content:
        application/problem+json:
          schema: { $ref: "#/components/schemas/Problem" }
          example:
            type: urn:fednode:problem:peer_not_found
            title: No such peer
            status: 404
            detail: this node does not know the peer 12D3KooW…; GET /v1/peers lists those it knows
            code: peer_not_found
            request_id: 4be1f0a97c31d2e8
    DialProblem:
      description: |
        The dial failed: 403 blocked, 409 the peer is this node or no address of it is known, 429 a limit is reached, 502 every attempt failed,
        503 the node is shutting down, 504 timed out.
      content:
        application/problem+json:
          schema: { $ref: "#/components/schemas/DialProblem" }
          example:
            type: urn:fednode:problem:dial_failed
            title: The dial failed
            status: 502
            detail: nobody listens at 192.0.2.7 port 9000
            code: dial_failed
            request_id: 4be1f0a97c31d2e8
            error: { class: refused, detail: nobody listens at 192.0.2.7 port 9000, temporary: true }
            attempts:
              - address: /ip4/192.0.2.7/udp/9000/quic-v1
                resolved_from: null
                started_at: "2026-01-31T23:59:59.123Z"
                ended_at: "2026-01-31T23:59:59.124Z"
                outcome: failed
                error: { class: refused, detail: nobody listens at 192.0.2.7 port 9000, temporary: true }
  schemas:
    Time:
      type: string
      format: date-time
      description: RFC 3339, UTC, milliseconds.
      examples: ["2026-01-31T23:59:59.123Z"]
    NullableTime:
      description: RFC 3339, UTC, milliseconds; null when it is not known or was never.
      type: [string, "null"]
      format: date-time
    PeerID:
      type: string
      format: peer-id
      description: A libp2p peer id, written in base58btc (`12D3KooW…`, `Qm…`) and read as CIDv1 (`bafz…`, `k51…`) as well.
      examples: [12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA]
    Multiaddr:
      type: string
      format: multiaddr
      description: A multiaddr; those to dial are of QUIC v1.
      examples: [/ip4/192.0.2.7/udp/9000/quic-v1]
    State:
      type: string
      description: |
        `idle`: nothing is open and nothing under way. `connecting`: a dial is under way. `connected`: it is open.
        `disconnecting`: it is being closed, streams may finish. `failed`: the last dial failed, the connection was lost
        without a word, or one side refuses the other.
      enum: [idle, connecting, connected, disconnecting, failed]
    Direction:
      type: string
      description: Who began it, seen from this node.
      enum: [inbound, outbound]
    NullableDirection:
      description: Who began it, seen from this node; null without a connection.
      enum: [inbound, outbound, null]
    StateCounts:
      type: object
      additionalProperties: false
      required: [idle, connecting, connected, disconnecting, failed]
      properties:
        idle: { type: integer, minimum: 0 }
        connecting: { type: integer, minimum: 0 }
        connected: { type: integer, minimum: 0 }
        disconnecting: { type: integer, minimum: 0 }
        failed: { type: integer, minimum: 0 }
    Node:
      type: object
      additionalProperties: false
      required:
        - peer_id
        - public_key
        - agent_version
        - version
        - network
        - started_at
        - uptime_seconds
        - draining
        - protocols
        - listen_addresses
        - announce_addresses
        - observed_addresses
        - listeners
        - counts
        - limits
      properties:
        peer_id: { $ref: "#/components/schemas/PeerID" }
        public_key: { type: string, description: "The libp2p `PublicKey` message, base 64." }
        agent_version: { type: string, description: As told to peers. }
        version: { type: string, description: Of the program. }
        network: { type: [string, "null"], description: "The federation's network, `federation.network`." }
        started_at: { $ref: "#/components/schemas/Time" }
        uptime_seconds: { type: number, description: Since `started_at`. }
        draining: { type: boolean, description: Whether the node is shutting down. }
        protocols: { type: array, items: { type: string }, description: Protocol ids that it serves. }
        listen_addresses:
          type: array
          description: What the sockets are really bound to, ports resolved.
          items: { $ref: "#/components/schemas/Multiaddr" }
        announce_addresses:
          type: array
          description: What peers are told.
          items: { $ref: "#/components/schemas/Multiaddr" }
        observed_addresses:
          type: array
          description: Addresses that peers see this node at.
          items:
            type: object
            additionalProperties: false
            required: [address, observers]
            properties:
              address: { $ref: "#/components/schemas/Multiaddr" }
              observers: { type: integer, description: Peers that said so. }
        listeners:
          type: array
          description: What became of each configured address, or of those of `network.interfaces` in place of 0.0.0.0 and `::`.
          items:
            type: object
            additionalProperties: false
            required: [address, error]
            properties:
              address: { $ref: "#/components/schemas/Multiaddr" }
              error: { type: [string, "null"], description: Null when it listens. }
        counts:
          type: object
          additionalProperties: false
          required: [peers, connections, streams]
          properties:
            peers: { $ref: "#/components/schemas/StateCounts" }
            connections:
              type: object
              additionalProperties: false
              required: [state, direction]
              properties:
                state: { $ref: "#/components/schemas/StateCounts" }
                direction:
                  type: object
                  additionalProperties: false
                  required: [inbound, outbound]
                  properties:
                    inbound: { type: integer }
                    outbound: { type: integer }
            streams: { type: integer }
        limits:
          type: array
          items:
            type: object
            additionalProperties: false
            required: [scope, used, limit]
            properties:
              scope: { type: string, description: The key that sets it., examples: [limits.connections] }
              used: { type: integer, description: Now. }
              limit: { type: [integer, "null"], description: Null for none. }
    PeerList:
      type: object
      additionalProperties: false
      required: [items, total, next_cursor]
      properties:
        items: { type: array, items: { $ref: "#/components/schemas/Peer" } }
        total: { type: integer, description: On all pages. }
        next_cursor: { type: [string, "null"], description: "Null on the last page." }
    Peer:
      type: object
      additionalProperties: false
      required:
        - peer_id
        - name
        - state
        - state_since
        - pinned
        - paused
        - blocked
        - direction
        - agent_version
        - protocols
        - connections
        - first_seen_at
        - last_seen_at
        - connected_at
        - last_disconnect
        - flap_count
        - rtt_ms
        - bytes_in
        - bytes_out
        - next_attempt_at
        - backoff_ms
        - failure_count
        - federation
        - federation_error
        - addresses
      properties:
        peer_id: { $ref: "#/components/schemas/PeerID" }
        name: { type: [string, "null"], description: As the configuration or an operator calls it. }
        state: { $ref: "#/components/schemas/State" }
        state_since: { $ref: "#/components/schemas/Time" }
        pinned: { type: boolean, description: Whether it is kept connected. }
        paused: { type: boolean, description: "Pinned, but disconnected by an operator until `connect`." }
        blocked: { type: boolean, description: Whether the blocklist names it. }
        direction: { $ref: "#/components/schemas/NullableDirection" }
        agent_version: { type: [string, "null"], description: As the peer told; null before it did. }
        protocols: { type: array, items: { type: string }, description: As the peer told. }
        connections: { type: array, items: { type: string }, description: Ids of live connections. }
        first_seen_at: { $ref: "#/components/schemas/NullableTime" }
        last_seen_at: { $ref: "#/components/schemas/NullableTime" }
        connected_at: { $ref: "#/components/schemas/NullableTime" }
        last_disconnect:
          type: [object, "null"]
          additionalProperties: false
          required: [at, reason, code, initiator]
          properties:
            at: { $ref: "#/components/schemas/NullableTime" }
            reason:
              type: string
              description: A stable word.
              examples: [closed_by_peer, closed_locally, idle_timeout]
            code: { type: [integer, "null"], description: Application or transport error code. }
            initiator:
              type: string
              description: "`none` when nobody said a word."
              enum: [local, remote, none]
        flap_count: { type: integer, description: How often a connection was lost. }
        rtt_ms: { type: [number, "null"], description: The best of its connections. }
        bytes_in: { type: integer, description: Of its live connections. }
        bytes_out: { type: integer, description: Of its live connections. }
        next_attempt_at:
          description: When a pinned peer is dialled next; null when no dial is planned.
          $ref: "#/components/schemas/NullableTime"
        backoff_ms: { type: [integer, "null"], description: The wait that ends then. }
        failure_count: { type: integer, description: Failed dials since the last that succeeded. }
        federation:
          description: What the federation's protocol agreed on with it; null while nothing is agreed.
          oneOf: [{ $ref: "#/components/schemas/Agreement" }, { type: "null" }]
        federation_error:
          description: Why the last federation handshake failed; null once one succeeds.
          oneOf: [{ $ref: "#/components/schemas/AgreementFailure" }, { type: "null" }]
        addresses:
          type: array
          items:
            type: object
            additionalProperties: false
            required: [address, source, last_attempt_at, last_success_at, last_error]
            properties:
              address: { $ref: "#/components/schemas/Multiaddr" }
              source:
                type: string
                description: "Where it is from: the configuration, a dial, the peer itself, its inbound connection, or this API."
                enum: [config, dial, identify, inbound, api]
              last_attempt_at: { $ref: "#/components/schemas/NullableTime" }
              last_success_at: { $ref: "#/components/schemas/NullableTime" }
              last_error:
                type: [object, "null"]
                additionalProperties: false
                required: [class, detail]
                properties:
                  class: { $ref: "#/components/schemas/DialErrorClass" }
                  detail: { type: string }
    Agreement:
      type: object
      additionalProperties: false
      required: [version, network, capabilities, agent, frame_limit, clock_offset_ms, since]
      properties:
        version: { type: string, examples: [1.0.0] }
        network: { type: string, examples: [mainnet] }
        capabilities: { type: array, items: { type: string }, description: Those in common. }
        agent: { type: string, description: As the peer calls itself there. }
        frame_limit: { type: integer, description: "Largest frame that the peer accepts, bytes." }
        clock_offset_ms:
          type: [integer, "null"]
          description: Its clock minus this node's; null until it was measured. More than 200 either way is warned of.
        since: { $ref: "#/components/schemas/Time" }
    AgreementFailure:
      type: object
      additionalProperties: false
      required: [code, detail, by, permanent, at]
      properties:
        code:
          type: string
          description: |
            A stable word. `unsupported`: the peer does not speak the protocol. `connection_lost`: the connection or the
            stream ended before an answer. `timeout`: no answer in time. `code_N`: a code that this node does not know.
          examples: [network_mismatch, no_common_version, not_a_member, hello_timeout, unsupported]
        detail: { type: string }
        by: { type: string, enum: [local, remote], description: Who refused. }
        permanent:
          type: boolean
          description: |
            Nothing changes until somebody changes something: a pinned peer is `failed`, and retried at the slow end of
            its backoff.
        at: { $ref: "#/components/schemas/Time" }
    PeerRequest:
      type: object
      additionalProperties: false
      properties:
        addresses:
          type: [array, "null"]
          maxItems: 16
          items: { $ref: "#/components/schemas/Multiaddr" }
        name: { type: [string, "null"], minLength: 1, maxLength: 64, pattern: "^[^\\x00-\\x1F\\x7F]*$", description: For people and for the metrics. }
        pinned: { type: [boolean, "null"], description: Keep it connected. }
    ConnectRequest:
      type: object
      additionalProperties: false
      properties:
        timeout_ms: { type: [integer, "null"], minimum: 1, maximum: 600000 }
    PingRequest:
      type: object
      additionalProperties: false
      properties:
        count: { type: [integer, "null"], minimum: 1, maximum: 10, default: 3 }
        timeout_ms:
          type: [integer, "null"]
          minimum: 1
          maximum: 60000
          default: 5000
          description: Of each ping.
    PingAnswer:
      type: object
      additionalProperties: false
      required: [rtt_ms, results]
      properties:
        rtt_ms:
          description: Null when every ping failed.
          type: [object, "null"]
          additionalProperties: false
          required: [min, mean, max]
          properties:
            min: { type: number }
            mean: { type: number }
            max: { type: number }
        results:
          type: array
          items:
            type: object
            additionalProperties: false
            required: [rtt_ms, error]
            properties:
              rtt_ms: { type: [number, "null"] }
              error: { type: [string, "null"] }
    DisconnectRequest:
      type: object
      additionalProperties: false
      properties:
        reason: { type: [string, "null"], maxLength: 128, pattern: "^[^\\x00-\\x1F\\x7F]*$", description: Told to the peer. }
    ConnectionList:
      type: object
      additionalProperties: false
      required: [items, total, next_cursor]
      properties:
        items:
          type: array
          items:
            anyOf:
              - $ref: "#/components/schemas/Connection"
              - $ref: "#/components/schemas/ClosedConnection"
        total: { type: integer, description: On all pages. }
        next_cursor: { type: [string, "null"], description: "Null on the last page." }
    ClosedConnection:
      type: object
      description: A `Connection` with its last figures, and how it ended.
      required: [id, peer_id, state, direction, closed_at, close]
      properties:
        id: { type: string }
        peer_id: { $ref: "#/components/schemas/PeerID" }
        state: { $ref: "#/components/schemas/State" }
        direction: { $ref: "#/components/schemas/Direction" }
        closed_at: { $ref: "#/components/schemas/Time" }
        close:
          type: object
          additionalProperties: false
          required: [reason, code, initiator, error]
          properties:
            reason: { type: string, examples: [idle_timeout] }
            code: { type: [integer, "null"] }
            initiator: { type: string, enum: [local, remote, none] }
            error: { type: [string, "null"] }
    Connection:
      type: object
      additionalProperties: false
      description: Figures are null when the connection closed while they were asked for.
      required:
        - id
        - peer_id
        - state
        - direction
        - local_address
        - remote_address
        - opened_at
        - handshake_ms
        - streams
        - bytes_in
        - bytes_out
        - packets_in
        - packets_out
        - packets_lost
        - rtt_ms
        - congestion_window
        - bytes_in_flight
        - mtu
        - security
        - quic_version
        - last_activity_at
        - keep_alive_ms
      properties:
        id: { type: string, examples: [c-17] }
        peer_id: { $ref: "#/components/schemas/PeerID" }
        state: { $ref: "#/components/schemas/State" }
        direction: { $ref: "#/components/schemas/Direction" }
        local_address: { $ref: "#/components/schemas/Multiaddr" }
        remote_address: { $ref: "#/components/schemas/Multiaddr" }
        opened_at: { $ref: "#/components/schemas/NullableTime" }
        handshake_ms: { type: number, description: From the first packet to the authenticated connection. }
        streams:
          type: [object, "null"]
          additionalProperties: false
          required: [inbound, outbound]
          properties:
            inbound: { type: integer }
            outbound: { type: integer }
        bytes_in: { type: [integer, "null"] }
        bytes_out: { type: [integer, "null"] }
        packets_in: { type: [integer, "null"] }
        packets_out: { type: [integer, "null"] }
        packets_lost:
          type: [integer, "null"]
          description: >-
            Packets that this node sent and declared lost. With ngtcp2 before 1.16, only those with stream data, and
            one with data of several streams counts for each; losses that only a timeout showed are left out.
        rtt_ms:
          type: object
          additionalProperties: false
          required: [latest, smoothed, min, variance]
          properties:
            latest: { type: [number, "null"] }
            smoothed: { type: [number, "null"] }
            min: { type: [number, "null"] }
            variance: { type: [number, "null"] }
        congestion_window: { type: [integer, "null"], description: Bytes. }
        bytes_in_flight: { type: [integer, "null"], description: Sent and not acknowledged. }
        mtu: { type: [integer, "null"], description: "Largest UDP payload on the path, bytes." }
        security:
          type: object
          additionalProperties: false
          required: [tls_version, cipher, group, key_type]
          properties:
            tls_version: { type: string, examples: ["1.3"] }
            cipher: { type: string, examples: [AES-128-GCM] }
            group: { type: string, examples: [X25519] }
            key_type:
              type: string
              description: Of the peer's identity.
              enum: [rsa, ed25519, secp256k1, ecdsa]
        quic_version: { type: string, examples: ["1"] }
        last_activity_at: { $ref: "#/components/schemas/NullableTime" }
        keep_alive_ms: { type: [integer, "null"], description: Null when it is off. }
    DialRequest:
      oneOf:
        - $ref: "#/components/schemas/DialAddressRequest"
        - $ref: "#/components/schemas/DialPeerRequest"
    DialAddressRequest:
      type: object
      additionalProperties: false
      description: Whoever answers at an address, or the peer that it names behind `/p2p/`.
      required: [address]
      properties:
        address: { $ref: "#/components/schemas/Multiaddr" }
        timeout_ms: { $ref: "#/components/schemas/DialTimeout" }
        wait: { $ref: "#/components/schemas/DialWait" }
    DialPeerRequest:
      type: object
      additionalProperties: false
      description: A peer.
      required: [peer_id]
      properties:
        peer_id: { $ref: "#/components/schemas/PeerID" }
        addresses:
          type: [array, "null"]
          maxItems: 64
          description: Instead of those known.
          items: { $ref: "#/components/schemas/Multiaddr" }
        timeout_ms: { $ref: "#/components/schemas/DialTimeout" }
        wait: { $ref: "#/components/schemas/DialWait" }
    DialTimeout:
      type: [integer, "null"]
      minimum: 1
      maximum: 600000
      description: Of the whole dial; otherwise `peers.connection_timeout`.
    DialWait:
      type: [boolean, "null"]
      default: true
      description: Answer when the dial has ended.
    DialAnswer:
      type: object
      additionalProperties: false
      required: [connection, reused, attempts]
      properties:
        connection: { $ref: "#/components/schemas/Connection" }
        reused: { type: boolean, description: Whether it was there before. }
        attempts: { type: array, items: { $ref: "#/components/schemas/DialAttempt" } }
    DialState:
      type: string
      enum: [running, connected, failed, cancelled]
    DialList:
      type: object
      additionalProperties: false
      required: [items, total, next_cursor]
      properties:
        items: { type: array, items: { $ref: "#/components/schemas/Dial" } }
        total: { type: integer, description: On all pages. }
        next_cursor: { type: [string, "null"], description: "Null on the last page." }
    Dial:
      type: object
      additionalProperties: false
      required: [id, peer_id, addresses, state, started_at, ended_at, connection_id, attempts, error]
      properties:
        id: { type: string, examples: [d-17] }
        peer_id: { type: [string, "null"], description: Null for whoever answers. }
        addresses: { type: array, items: { $ref: "#/components/schemas/Multiaddr" } }
        state: { $ref: "#/components/schemas/DialState" }
        started_at: { $ref: "#/components/schemas/Time" }
        ended_at: { $ref: "#/components/schemas/NullableTime" }
        connection_id: { type: [string, "null"] }
        attempts: { type: array, items: { $ref: "#/components/schemas/DialAttempt" } }
        error:
          oneOf:
            - $ref: "#/components/schemas/DialError"
            - type: "null"
    BlockRequest:
      type: object
      additionalProperties: false
      properties:
        expires_at:
          type: [string, "null"]
          format: date-time
          pattern: "Z$"
          description: When the entry ends by itself, in the future and in UTC; null for never.
        reason: { type: [string, "null"], maxLength: 256, pattern: "^[^\\x00-\\x1F\\x7F]*$", description: For people. }
    BlockList:
      type: object
      additionalProperties: false
      required: [items, total, next_cursor]
      properties:
        items: { type: array, items: { $ref: "#/components/schemas/Block" } }
        total: { type: integer, description: On all pages. }
        next_cursor: { type: [string, "null"], description: "Null on the last page." }
    Block:
      type: object
      additionalProperties: false
      required: [entry, reason, created_at, expires_at]
      properties:
        entry: { type: string, examples: [198.51.100.0/24] }
        reason: { type: [string, "null"] }
        created_at: { $ref: "#/components/schemas/NullableTime" }
        expires_at: { $ref: "#/components/schemas/NullableTime" }
    UnknownPeerList:
      type: object
      additionalProperties: false
      required: [items, total, next_cursor]
      properties:
        items: { type: array, items: { $ref: "#/components/schemas/UnknownPeer" } }
        total: { type: integer, description: On all pages. }
        next_cursor: { type: [string, "null"], description: "Null on the last page." }
    UnknownPeer:
      type: object
      additionalProperties: false
      required: [peer_id, remote_address, first_seen_at, last_seen_at, count]
      properties:
        peer_id: { $ref: "#/components/schemas/PeerID" }
        remote_address: { $ref: "#/components/schemas/Multiaddr" }
        first_seen_at: { $ref: "#/components/schemas/Time" }
        last_seen_at: { $ref: "#/components/schemas/Time" }
        count: { type: integer }
    DialAttempt:
      type: object
      additionalProperties: false
      required: [address, resolved_from, started_at, ended_at, outcome, error]
      properties:
        address: { $ref: "#/components/schemas/Multiaddr" }
        resolved_from: { type: [string, "null"], description: The name that the address came from. }
        started_at: { $ref: "#/components/schemas/Time" }
        ended_at: { $ref: "#/components/schemas/Time" }
        outcome:
          type: string
          description: "`cancelled`: another address was quicker, or nobody waits any more. `skipped`: not tried, `error` says why."
          enum: [connected, failed, cancelled, skipped]
        error:
          oneOf:
            - $ref: "#/components/schemas/DialError"
            - type: "null"
    DialErrorClass:
      type: string
      enum:
        - invalid_address
        - unsupported_transport
        - dns_failure
        - no_route
        - refused
        - timeout
        - handshake_failed
        - peer_id_mismatch
        - blocked
        - limit_exceeded
        - protocol_mismatch
        - self_dial
        - backoff
        - cancelled
        - shutting_down
    DialError:
      type: object
      additionalProperties: false
      required: [class, detail, temporary]
      properties:
        class: { $ref: "#/components/schemas/DialErrorClass" }
        detail: { type: string }
        temporary: { type: boolean, description: Whether the same may succeed later. }
    Event:
      type: object
      description: |
        What an event's data holds: the members of every event, and those of its type. A member with a `?` is there where
        it is known.

        | type | members | when |
        | --- | --- | --- |
        | `node.started` | `agent_version`, `protocols` | the node serves |
        | `node.draining` | | it shuts down, and takes no new connections |
        | `listener.added` | `address` | a socket is bound |
        | `listener.failed` | `address`, `error` | one could not be, or was lost |
        | `address.observed` | `address`, `observers` | a peer told at which address it sees this node |
        | `peer.added` | | a peer is known from now on |
        | `peer.removed` | `reason` | it is known no more |
        | `peer.state_changed` | `from`, `to`, `reason` | see `State` |
        | `peer.identified` | `agent_version`, `protocols`, `addresses` | the peer told about itself |
        | `peer.blocked` | `entry`, `reason`, `expires_at` | an entry came on the blocklist |
        | `peer.refused` | `remote_address`, `reason`, `untold`? | somebody was not let in; `untold` are those before it that no event told of, for there were too many |
        | `dial.started` | `dial`, `addresses` | `dial` is its id |
        | `dial.attempt` | `dial`, `address`, `resolved_from`, `outcome`, `duration_ms`, `error` | one address was tried |
        | `dial.ended` | `dial`, `outcome`, `error` | `outcome` is `connected` or `failed` |
        | `connection.state_changed` | `from`, `to`, `reason`, `direction`, `remote_address`, `initiator`?, `code`?, `error`? | the last three when it is gone |
        | `connection.path_changed` | `local_address`, `remote_address` | it moved to another address |
        | `connection.unhealthy` | `misses`, `reason` | pings have no answer, it is given up |
        | `limit.reached` | `scope`, `used`, `limit`, `detail` | at most every 10 seconds for each limit |
        | `protocol.registered` | `protocol` | streams of this id are taken |
        | `protocol.withdrawn` | `protocol` | and no more |
        | `federation.agreed` | `version`, `network`, `capabilities`, `agent`, `frame_limit` | the handshake with a member succeeded |
        | `federation.rejected` | `code`, `by`, `detail` | it failed |
        | `federation.ended` | `reason` | what was agreed holds no more |
        | `peer.clock_skew` | `offset_ms`, `limit_ms` | its clock differs from this node's |
        | `config.reloaded` | `changed`, `restart_required` | another configuration is in force |
        | `reset` | `oldest`, `newest`, `reason` | events were missed, see `EventType` |
        | `snapshot` | `peers`, `connections` | the state after the event of its id |
      required: [id, time, type, peer_id, connection_id]
      properties:
        id: { type: [string, "null"], description: Null for a `reset`. }
        time: { $ref: "#/components/schemas/Time" }
        type: { $ref: "#/components/schemas/EventType" }
        peer_id: { type: [string, "null"] }
        connection_id: { type: [string, "null"] }
        oldest: { type: string, description: "Of a `reset`: id of the oldest event that the node keeps." }
        newest: { type: string, description: "Of a `reset`: id of the newest one." }
        peers:
          type: array
          items: { $ref: "#/components/schemas/Peer" }
          description: "Of a `snapshot`: as `GET /v1/peers` has them."
        connections:
          type: array
          items: { $ref: "#/components/schemas/Connection" }
          description: "Of a `snapshot`: as `GET /v1/connections` has them."
      examples:
        - id: 8f3a1c0b77de-1042
          time: "2026-01-31T23:59:59.123Z"
          type: connection.state_changed
          peer_id: 12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA
          connection_id: c-17
          from: connecting
          to: connected
          reason: null
        - id: null
          time: "2026-01-31T23:59:59.123Z"
          type: reset
          peer_id: null
          connection_id: null
          oldest: 8f3a1c0b77de-1
          newest: 8f3a1c0b77de-2100
          reason: reader_too_slow
        - id: 8f3a1c0b77de-2100
          time: "2026-01-31T23:59:59.124Z"
          type: snapshot
          peer_id: null
          connection_id: null
          peers: []
          connections: []
    ProtocolList:
      type: object
      additionalProperties: false
      required: [items, total, next_cursor]
      properties:
        items: { type: array, items: { $ref: "#/components/schemas/Protocol" } }
        total: { type: integer, description: On all pages. }
        next_cursor: { type: [string, "null"], description: "Null on the last page." }
    Protocol:
      type: object
      additionalProperties: false
      required: [ids, versions, state, delays_shutdown, limits, streams]
      properties:
        ids:
          type: array
          items: { type: string }
          description: As identify tells them, the best first; the first names the protocol in the metrics.
        versions:
          type: [array, "null"]
          items: { type: string }
          description: |
            The best first. Of these an id with another patch is taken as well. Null for a protocol that is served by
            its exact ids only.
        state:
          type: string
          enum: [registered, withdrawn]
          description: "`withdrawn`: it takes no new streams, and those that are open end."
        delays_shutdown: { type: boolean, description: Whether a shutdown waits for its streams. }
        limits:
          type: object
          description: Null is no limit.
          additionalProperties: false
          required:
            - streams
            - streams_per_peer
            - streams_per_second
            - streams_per_second_per_peer
            - first_byte_ms
            - lifetime_ms
          properties:
            streams: { type: [integer, "null"], description: "At one time, over all peers." }
            streams_per_peer: { type: [integer, "null"], description: "At one time, of one peer." }
            streams_per_second: { type: [integer, "null"], description: "New ones, over all peers." }
            streams_per_second_per_peer: { type: [integer, "null"], description: "New ones, of one peer." }
            first_byte_ms: { type: [integer, "null"], description: From the agreement to the first byte of the protocol. }
            lifetime_ms: { type: [integer, "null"], description: From the agreement to the end of the handler. }
        streams:
          type: object
          description: Those that remotes opened, since the registration.
          additionalProperties: false
          required: [open, opened, refused, reset]
          properties:
            open: { type: integer }
            opened: { type: integer, description: Handed to the handler. }
            refused:
              type: object
              description: By the limit that they passed; not in `opened`.
              additionalProperties: { type: integer }
            reset:
              type: object
              description: Reset by either side, by the code (libp2p error codes).
              additionalProperties: { type: integer }
    EventType:
      type: string
      description: |
        `reset` and `snapshot` are made for one reader. The `reason` of a reset is `events_missed` (the node does not keep
        the next event any more), `unknown_cursor` (it is of another run of the node) or `reader_too_slow`.
      enum:
        - node.started
        - node.draining
        - listener.added
        - listener.failed
        - address.observed
        - peer.added
        - peer.removed
        - peer.state_changed
        - peer.identified
        - peer.blocked
        - peer.refused
        - dial.started
        - dial.attempt
        - dial.ended
        - connection.state_changed
        - connection.path_changed
        - connection.unhealthy
        - limit.reached
        - protocol.registered
        - protocol.withdrawn
        - federation.agreed
        - federation.rejected
        - federation.ended
        - peer.clock_skew
        - config.reloaded
        - reset
        - snapshot
    CheckName:
      type: string
      description: |
        `listening`: the node listens on an address (a warning when on some only). `event_loops`: every event loop
        comes round. `accepting`: the node is not shutting down. `quorum`: enough of the pinned peers are connected and
        the federation handshake with them holds (`health.min_connected_peers`); a dip of less than 5 seconds does not
        count. `clocks`: a warning when clocks of pinned peers differ from this node's by more than 200 ms.
      enum: [listening, event_loops, accepting, quorum, clocks]
    CheckStatus:
      type: string
      enum: [pass, warn, fail]
    Health:
      type: object
      additionalProperties: false
      required: [status, checks]
      properties:
        status:
          description: The worst of the checks.
          $ref: "#/components/schemas/CheckStatus"
        checks:
          type: array
          items:
            type: object
            additionalProperties: false
            required: [name, status, detail, since]
            properties:
              name: { $ref: "#/components/schemas/CheckName" }
              status: { $ref: "#/components/schemas/CheckStatus" }
              detail: { type: [string, "null"] }
              since:
                description: Since when it is seen in this status.
                $ref: "#/components/schemas/Time"
    HealthHistory:
      type: object
      additionalProperties: false
      required: [minutes]
      properties:
        minutes:
          type: array
          maxItems: 60
          items:
            type: object
            additionalProperties: false
            required: [at, status, pinned, pinned_connected, pinned_agreed, connected]
            properties:
              at:
                description: The beginning of the minute.
                $ref: "#/components/schemas/Time"
              status:
                description: The worst of the minute.
                $ref: "#/components/schemas/CheckStatus"
              pinned: { type: integer, description: Pinned peers that are not paused. }
              pinned_connected: { type: integer, description: Of these, connected. }
              pinned_agreed: { type: integer, description: "Of these, with a federation agreement that holds." }
              connected: { type: integer, description: "Connected peers, pinned or not." }
    Configuration:
      type: object
      additionalProperties: false
      required: [file, restart_required, values]
      properties:
        file: { type: [string, "null"], description: The file that was read. }
        restart_required:
          type: array
          items: { type: string }
          description: Keys that the last reload found changed and that keep their values until the next start.
        values:
          type: object
          description: By the name of the key.
          additionalProperties:
            type: object
            additionalProperties: false
            required: [value, source, place]
            properties:
              value: { description: As the file would have it. }
              source: { type: string, enum: [default, file, environment, flag] }
              place: { type: [string, "null"], description: "File and line, variable or flag." }
      example:
        file: /etc/fednode/fednode.yaml
        restart_required: []
        values:
          api.address: { value: "127.0.0.1:9080", source: default, place: null }
          logging.level: { value: debug, source: file, place: "/etc/fednode/fednode.yaml:3" }
    Reload:
      type: object
      additionalProperties: false
      required: [changed, restart_required]
      properties:
        changed: { type: array, items: { type: string }, description: Keys whose new values are in force. }
        restart_required:
          type: array
          items: { type: string }
          description: Keys that keep their values until the next start.
    ReloadProblem:
      allOf:
        - $ref: "#/components/schemas/Problem"
        - type: object
          properties:
            errors:
              type: array
              items:
                type: object
                additionalProperties: false
                required: [place, key, message, mend]
                properties:
                  place: { type: string, description: "File and line, variable or flag." }
                  key: { type: [string, "null"] }
                  message: { type: string }
                  mend: { type: string, description: What to do about it. }
    LogLevel:
      type: string
      description: The least severity that is logged.
      enum: [trace, debug, info, notice, warning, error, critical]
    LogLevels:
      type: object
      additionalProperties: false
      required: [level, overrides, revert_after_seconds]
      properties:
        level: { $ref: "#/components/schemas/LogLevel" }
        overrides:
          type: object
          description: By subsystem, as each line of the log names it.
          additionalProperties: { $ref: "#/components/schemas/LogLevel" }
        revert_after_seconds:
          type: [integer, "null"]
          description: Until other levels return; null when these stay.
    LogLevelRequest:
      type: object
      additionalProperties: false
      required: [level]
      properties:
        level: { $ref: "#/components/schemas/LogLevel" }
        overrides:
          type: [object, "null"]
          maxProperties: 32
          propertyNames: { minLength: 1, maxLength: 64, pattern: "^[^\\x00-\\x1F\\x7F]*$" }
          additionalProperties: { $ref: "#/components/schemas/LogLevel" }
        revert_after_seconds: { type: [integer, "null"], minimum: 1, maximum: 86400 }
    Problem:
      type: object
      description: RFC 9457, with a stable `code`. Some codes have members of their own.
      required: [type, title, status, detail, code, request_id]
      properties:
        type: { type: string, format: uri, description: "`urn:fednode:problem:` and the code." }
        title: { type: string, description: The same for every problem of the code. }
        status: { type: integer, description: The status of the answer. }
        detail: { type: string, description: "What was wrong with this request, and what to do about it." }
        code: { $ref: "#/components/schemas/ProblemCode" }
        request_id: { type: string }
        field: { type: string, description: The field of the body that is wrong. }
        line: { type: integer, description: Where the body is not JSON. }
        column: { type: integer }
    DialProblem:
      allOf:
        - $ref: "#/components/schemas/Problem"
        - type: object
          properties:
            error: { $ref: "#/components/schemas/DialError" }
            attempts: { type: array, items: { $ref: "#/components/schemas/DialAttempt" } }
    ProblemCode:
      type: string
      description: |
        | status | code | when |
        | --- | --- | --- |
        | 400 | `bad_request` | the request target or the framing cannot be read |
        | 400 | `unknown_parameter` | a query parameter that the path does not have |
        | 400 | `invalid_parameter` | a query parameter with a wrong value, or twice |
        | 400 | `invalid_cursor` | a cursor that no page of this list gave |
        | 400 | `unexpected_body` | a body where none is taken |
        | 400 | `invalid_json` | the body is not strict JSON; `line` and `column` say where |
        | 400 | `unknown_field` | a body field that does not exist; `field` |
        | 400 | `missing_field` | a body field that must be there |
        | 400 | `invalid_field` | a body field of a wrong type or value; `field` |
        | 400 | `invalid_peer_id` | no peer id |
        | 400 | `invalid_multiaddr` | no multiaddr, or none that leads anywhere |
        | 400 | `invalid_entry` | neither a peer id nor an address nor a network |
        | 400 | `unsupported_transport` | a multiaddr of another transport than QUIC v1 |
        | 401 | `unauthorized` | no token, or none of this node; `WWW-Authenticate` |
        | 403 | `host_not_allowed` | the `Host` header has a name that is not the API's |
        | 403 | `origin_not_allowed` | a web page of another site wants to change something |
        | 403 | `client_certificate_needed` | TLS without a certificate of `api.tls.client_ca_file` |
        | 403 | `insufficient_scope` | a token for looking, and the request changes something |
        | 403 | `blocked` | the peer or address is blocked |
        | 404 | `not_found` | no such path |
        | 404 | `peer_not_found` | no such peer |
        | 404 | `connection_not_found` | no such live connection |
        | 404 | `dial_not_found` | no such dial, or it ended long ago |
        | 404 | `entry_not_found` | not on the blocklist |
        | 405 | `method_not_allowed` | `Allow` tells which are |
        | 406 | `not_acceptable` | `Accept` excludes what the path answers with |
        | 408 | `request_timeout` | headers or body came too slowly |
        | 409 | `self_dial` | the peer is this node itself |
        | 409 | `no_address` | no address of the peer is known, and the request gave none |
        | 409 | `peer_not_connected` | there is no connection to the peer |
        | 409 | `peer_configured` | the configuration names the peer |
        | 409 | `dial_ended` | the dial has ended |
        | 413 | `body_too_large` | more than 64 KiB |
        | 414 | `target_too_long` | path and query have more than 8 KiB |
        | 415 | `unsupported_media_type` | a body that does not say it is JSON |
        | 422 | `invalid_configuration` | the configuration to reload is wrong; `errors` |
        | 429 | `limit_exceeded` | a limit is reached; of requests with `Retry-After` |
        | 500 | `not_saved` | in force, but not written down for the next start |
        | 502 | `dial_failed` | every address failed; `attempts` lists them |
        | 502 | `peer_id_mismatch` | another peer answered |
        | 503 | `shutting_down` | the node is shutting down |
        | 504 | `dial_timeout` | nobody answered in time |
      enum:
        - bad_request
        - unknown_parameter
        - invalid_parameter
        - invalid_cursor
        - unexpected_body
        - invalid_json
        - unknown_field
        - missing_field
        - invalid_field
        - invalid_peer_id
        - invalid_multiaddr
        - invalid_entry
        - unsupported_transport
        - unauthorized
        - host_not_allowed
        - origin_not_allowed
        - client_certificate_needed
        - insufficient_scope
        - blocked
        - not_found
        - peer_not_found
        - connection_not_found
        - dial_not_found
        - entry_not_found
        - method_not_allowed
        - not_acceptable
        - request_timeout
        - self_dial
        - no_address
        - peer_not_connected
        - peer_configured
        - dial_ended
        - body_too_large
        - target_too_long
        - unsupported_media_type
        - invalid_configuration
        - limit_exceeded
        - not_saved
        - dial_failed
        - peer_id_mismatch
        - shutting_down
        - dial_timeout

"""##
}
