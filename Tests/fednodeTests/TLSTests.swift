import Foundation
import HTTPTestClient
import Testing

@testable import fednode

/// The API over HTTPS, with curl as the client and certificates that openssl makes.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  @discardableResult
  private func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/\(program)")
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: self.directory.path)
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self)
  }

  /// `NAME.pem` and `NAME.key`; signed by `authority`, or by itself.
  private func makeCertificate(_ name: String, signedBy authority: String? = nil) throws {
    try self.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-keyout", "\(name).key", "-out", "\(name).pem", "-subj", "/CN=\(name)", "-addext",
        "subjectAltName=IP:127.0.0.1",
      ]
        + (authority.map {
          ["-CA", "\($0).pem", "-CAkey", "\($0).key", "-addext", "basicConstraints=critical,CA:FALSE"]
        } ?? []))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: "\(self.directory.path)/\(name).key")
  }

  private func configuration(_ more: String = "") throws -> String {
    let path = self.directory.path
    return try self.directory.write(
      "node.yaml",
      "api: {tls: {certificate_file: \(path)/server.pem, key_file: \(path)/server.key\(more)}}")
  }

  /// Status and body.
  private func get(_ node: RunningNode, _ arguments: [String] = []) throws -> String {
    let url = try #require(node.line("API")).split(separator: " ").last.map(String.init) ?? ""
    return try self.run(
      "curl",
      ["--silent", "--max-time", "20", "--cacert", "server.pem", "--write-out", " %{http_code}"] + arguments + [url])
  }

  @Test("The API is HTTPS with a certificate and its key, and nothing else then")
  func https() async throws {
    try self.makeCertificate("server")
    let node = try await RunningNode(in: self.directory, file: try self.configuration())
    #expect(node.line("API")?.hasPrefix("curl https://127.0.0.1:") == true)
    let answer = try self.get(node)
    #expect(answer.hasSuffix("} \n 200") || answer.hasSuffix("}\n 200"), "\(answer)")
    #expect(try self.get(node, ["--cacert", "/etc/ssl/certs/ca-certificates.crt"]) == " 000")
    await #expect(throws: HTTPTestClient.Failure.self) { try await node.call("GET", "/livez") }
    #expect(try await node.stop() == 0)
  }

  @Test("A client must show a certificate where the configuration names who signs them")
  func clientCertificates() async throws {
    for name in ["server", "authority", "stranger"] { try self.makeCertificate(name) }
    try self.makeCertificate("client", signedBy: "authority")
    let file = try self.configuration(", client_ca_file: \(self.directory.path)/authority.pem")
    let node = try await RunningNode(in: self.directory, file: file)
    let without = try self.get(node)
    #expect(without.contains("client_certificate_needed") && without.hasSuffix(" 403"), "\(without)")
    #expect(try self.get(node, ["--cert", "stranger.pem", "--key", "stranger.key"]).hasSuffix(" 200") == false)
    #expect(try self.get(node, ["--cert", "client.pem", "--key", "client.key"]).hasSuffix(" 200"))
    #expect(try await node.stop() == 0)
  }

  @Test("A key that is not that of the certificate ends the start and says so")
  func wrongKey() async throws {
    for name in ["server", "other"] { try self.makeCertificate(name) }
    let path = self.directory.path
    let file = try self.directory.write(
      "node.yaml", "api: {tls: {certificate_file: \(path)/server.pem, key_file: \(path)/other.key}}")
    let node = try await RunningNode(in: self.directory, file: file)
    #expect(try await node.stop() == 1)
    #expect(try node.log.contains { $0.contains("the key is that of the certificate") })
  }

  @Test("Files that are missing, open to others or no PEM are told by their keys")
  func files() throws {
    let pem = "-----BEGIN CERTIFICATE-----\n"
    let certificate = try self.directory.write("a.pem", pem)
    let key = try self.directory.write("a.key", "-----BEGIN EC PRIVATE KEY-----\n", mode: 0o644)
    func keys(_ yaml: String) throws -> [String?] {
      var input = ConfigurationInput()
      input.file = try self.directory.write("fednode.yaml", "api: {tls: {\(yaml)}}")
      input.environment = ["HOME": self.directory.path]
      do throws(ConfigurationFailure) {
        _ = try ConfigurationLoader.load(input)
        return []
      } catch {
        return error.problems.map(\.key)
      }
    }
    #expect(try keys("certificate_file: \(certificate)") == ["api.tls.certificate_file"])
    #expect(try keys("key_file: \(key)") == ["api.tls.key_file"])
    #expect(try keys("client_ca_file: \(certificate)") == ["api.tls.client_ca_file"])
    #expect(try keys("certificate_file: \(key), key_file: \(key)") == ["api.tls.certificate_file"])
    #expect(try keys("certificate_file: \(certificate), key_file: \(key)") == ["api.tls.key_file"])
    #expect(try keys("certificate_file: /nonexistent, key_file: \(key)") == ["api.tls.certificate_file"])
  }
}
