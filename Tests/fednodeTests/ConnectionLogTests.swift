import Glibc
import Logging
import P2PCore
import P2PHost
import Testing

@testable import fednode

@Suite(.serialized) struct ConnectionLogTests {
  @Test("Refused connections have one line an address and minute, whatever port and key they come with")
  func refused() throws {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    defer { close(ends[0]) }
    LogBackend.bootstrap(level: .info, format: .text, output: ends[1])
    let events = EventLog(bootID: "0123456789ab")
    let end = ConnectionLog.start(events)
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
    end()
    LogBackend.bootstrap(level: .info, format: .text)
    close(ends[1])
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.contains("refused") }
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0.contains("NOTICE") && $0.contains("it sent no certificate") })
  }
}
