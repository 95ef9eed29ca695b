import Foundation
import HTTPTestClient
import Testing

@testable import MicroHTTP

@Suite(.timeLimit(.minutes(1))) struct UnixSocketTests {
  /// Short: a socket's path has at most 107 bytes.
  private let directory = "/tmp/fednode-\(UInt32.random(in: .min ... .max))"
  private var path: String { self.directory + "/api.sock" }

  init() throws { try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: false) }

  private func server(mode: UInt32 = 0o660) throws -> HTTPServer {
    var configuration = HTTPServerConfiguration(port: 0)
    configuration.socketPath = self.path
    configuration.socketMode = mode
    return try HTTPServer(configuration) { .response(.text(200, $0.remoteAddress)) }
  }

  private func remove() throws { try FileManager.default.removeItem(atPath: self.directory) }

  @Test("A server on a Unix socket knows the user of its client, has its mode, and leaves no file behind")
  func serves() async throws {
    let server = try self.server(mode: 0o600)
    #expect(server.address == "unix:\(self.path)")
    let attributes = try FileManager.default.attributesOfItem(atPath: self.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let client = try HTTPTestClient(socketPath: self.path)
    for _ in 0..<2 {
      await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try await client.response().body == "uid:\(getuid())")
    }
    client.close()
    await server.stop(timeout: .seconds(5))
    #expect(!FileManager.default.fileExists(atPath: self.path))
    try self.remove()
  }

  @Test("A socket that nobody listens on is replaced") func stale() async throws {
    let descriptor = try UnixSocketFile.listen(at: self.path, mode: 0o600).descriptor
    close(descriptor)
    #expect(FileManager.default.fileExists(atPath: self.path))
    let server = try self.server()
    let client = try HTTPTestClient(socketPath: self.path)
    await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(try await client.response().status == 200)
    await server.stop(timeout: .seconds(5))
    try self.remove()
  }

  private func failure() -> String? {
    do {
      _ = try self.server()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("A socket that is in use, and a file that is none, stay and are errors") func taken() async throws {
    let server = try self.server()
    #expect(self.failure()?.contains("another process has it") == true)
    let client = try HTTPTestClient(socketPath: self.path)
    await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(try await client.response().status == 200)
    await server.stop(timeout: .seconds(5))
    try Data("mine".utf8).write(to: URL(fileURLWithPath: self.path))
    #expect(self.failure()?.contains("is no socket") == true)
    #expect(try String(contentsOfFile: self.path, encoding: .utf8) == "mine")
    try self.remove()
  }

  @Test("A directory that is not there, and a path that is too long, are errors that say what to do")
  func impossible() throws {
    try self.remove()
    #expect(self.failure()?.contains("make its directory first") == true)
    var configuration = HTTPServerConfiguration(port: 0)
    for path in ["api.sock", "/" + String(repeating: "a", count: 107)] {
      configuration.socketPath = path
      #expect(throws: HTTPServerError.self) {
        _ = try HTTPServer(configuration) { _ in .response(.text(200, "")) }
      }
    }
  }

  @Test("A file that took the place of ours is not removed") func replaced() async throws {
    let server = try self.server()
    try FileManager.default.removeItem(atPath: self.path)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: self.path))
    await server.stop(timeout: .seconds(5))
    #expect(FileManager.default.fileExists(atPath: self.path))
    try self.remove()
  }
}
