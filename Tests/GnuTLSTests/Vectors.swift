import Foundation
import Testing

enum Vectors {
  struct Certificate: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let certificateDerHex: String
    let peerId: String?
    let valid: Bool
    let why: String?

    var der: [UInt8] { bytes(hex: self.certificateDerHex) }
    var testDescription: String { self.name }
  }

  struct Key: Decodable, Sendable {
    let privateKeyProtobufHex: String
    let publicKeyProtobufHex: String
    let peerId: String
  }

  private struct CertificateFile: Decodable { let vectors: [Certificate] }
  private struct KeyFile: Decodable { let keys: [String: Key] }

  static let certificates: [Certificate] = load("tls-certificates", CertificateFile.self).vectors
  static let keys: [String: Key] = load("keys-and-peer-ids", KeyFile.self).keys

  static func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { index in
      UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)!
    }
  }

  private static func load<Value: Decodable>(_ name: String, _ type: Value.Type) -> Value {
    let url = Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors")!
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try! decoder.decode(type, from: Data(contentsOf: url))
  }
}
