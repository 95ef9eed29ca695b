import Glibc
import Logging
import P2PCore
import P2PHost
import Testing

@testable import fednode

@Suite(.serialized) struct ConnectionLogTests {
  /// The log lines about what `publish` publishes.
  private static func lines(_ publish: (EventLog) -> Void) -> [Substring] {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    defer { close(ends[0]) }
    LogBackend.bootstrap(level: .info, format: .text, output: ends[1])
    let events = EventLog(bootID: "0123456789ab")
    let end = ConnectionLog.start(events)
    publish(events)
    end()
    LogBackend.bootstrap(level: .info, format: .text)
    close(ends[1])
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.contains("connections") }
  }

  @Test("Refused connections have one line an address and minute, whatever port and key they come with")
  func refused() {
    let lines = Self.lines { events in
      for port in 1...100 {
        for host in ["ip4/192.0.2.7", "ip6/2001:db8::7"] {
          events.publish(
            "peer.refused", time: 0,
            fields: [
              ("remote_address", .string("/\(host)/udp/\(port)/quic-v1")),
              ("reason", .string("handshake_failed: it sent no certificate")),
            ])
        }
      }
    }
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0.contains("NOTICE") && $0.contains("it sent no certificate") })
  }

  @Test("A peer that cannot be reached has one line a minute, with the reason; a dial given up has none")
  func dials() {
    let lines = Self.lines { events in
      for name in ["timeout", "timeout", "cancelled"] {
        events.publish(
          "dial.ended", time: 0,
          fields: [
            ("dial", .string("d-1")), ("outcome", .string("failed")),
            (
              "error",
              .object([("class", .string(name)), ("detail", .string("no answer")), ("temporary", .bool(true))])
            ),
          ])
      }
      events.publish("dial.ended", time: 0, fields: [("outcome", .string("connected")), ("error", .null)])
    }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("could not be reached") == true)
    #expect(lines.first?.contains("timeout") == true && lines.first?.contains("no answer") == true)
  }

  @Test("Limits that are reached and connections that are given up are told")
  func limits() {
    let lines = Self.lines { events in
      for _ in 0..<2 {
        events.publish(
          "limit.reached", time: 0,
          fields: [("scope", .string("limits.connections")), ("detail", .string("raise limits.connections"))])
      }
      events.publish("connection.unhealthy", time: 0, fields: [("reason", .string("no answer to 3 pings"))])
    }
    #expect(lines.count == 2)
    #expect(lines.first?.contains("WARNING") == true && lines.first?.contains("raise limits.connections") == true)
    #expect(lines.last?.contains("no answer to 3 pings") == true)
  }
}
