import Testing

@testable import P2PCore

/// `multiaddrs.json`, made on 2026-11-22 from go-, js- and rust-multiaddr.
struct MultiaddrVectors: Decodable, Sendable {
  struct Text: Decodable, Sendable {
    var text: String
    var ok: Bool
    var optional: Bool?
    var canonical: String?
    var hex: String?
    var components: [[String]]?
  }
  struct Repeated: Decodable, Sendable {
    var prefix: String
    var `repeat`: String
    var times: Int
    var suffix: String

    var whole: String { self.prefix + String(repeating: self.repeat, count: self.times) + self.suffix }
  }
  struct GeneratedText: Decodable, Sendable {
    var text: Repeated
    var ok: Bool
    var hexLength: Int?
    var hexSha256: String?
    var componentsCount: Int?
  }
  struct Binary: Decodable, Sendable {
    var hex: String
    var ok: Bool
    var optional: Bool?
    var text: String?
  }
  struct GeneratedBinary: Decodable, Sendable {
    var hex: Repeated
    var ok: Bool
    var textLength: Int?
    var textSha256: String?
    var componentsCount: Int?
  }
  struct Dialable: Decodable, Sendable {
    var text: String
    var use: String
    var `class`: String?
    var listen: String?
    var why: String
  }
  var vectors: [Text]
  var generated: [GeneratedText]
  var binary: [Binary]
  var binaryGenerated: [GeneratedBinary]
  var dialable: [Dialable]
}

@Suite("Vectors of multiaddrs")
struct MultiaddrVectorTests {
  let vectors: MultiaddrVectors

  init() throws { self.vectors = try loadVectors("multiaddrs") }

  /// Protocols whose values are not read: addresses that hold one are refused as unsupported.
  static let unread = ["certhash", "http-path", "memory", "onion", "onion3"]

  @Test("texts give their bytes, components and canonical text")
  func texts() throws {
    #expect(self.vectors.vectors.count == 400)
    for vector in self.vectors.vectors {
      switch Result(catching: { () throws(MultiaddrError) in try Multiaddr(vector.text) }) {
      case .success(let address):
        #expect(vector.ok, "\(vector.text)")
        guard vector.ok else { continue }
        #expect(hex(address.bytes) == vector.hex, "\(vector.text)")
        #expect(address.description == vector.canonical)
        let components = address.components.map { [$0.protocol.name] + ($0.text.map { [$0] } ?? []) }
        #expect(components == vector.components)
        #expect(try Multiaddr(bytes: address.bytes) == address)
        #expect(try Multiaddr(address.description) == address)
      case .failure(let error):
        let unread = Self.unread.contains { name in vector.components?.contains { $0.first == name } ?? false }
        #expect(!vector.ok || vector.optional == true || (unread && error.isUnsupported), "\(error)")
      }
    }
  }

  @Test("bytes give their text")
  func binaries() throws {
    #expect(self.vectors.binary.count == 157)
    for vector in self.vectors.binary {
      switch Result(catching: { () throws(MultiaddrError) in try Multiaddr(bytes: bytes(hex: vector.hex)) }) {
      case .success(let address):
        #expect(vector.ok, "\(vector.hex)")
        #expect(address.description == vector.text)
        #expect(try Multiaddr(address.description) == address)
      case .failure(let error):
        let unread = Self.unread.contains { vector.text?.contains("/\($0)/") ?? false }
        #expect(!vector.ok || vector.optional == true || (unread && error.isUnsupported), "\(vector.hex): \(error)")
      }
    }
  }

  @Test("long texts are read or refused at linear cost")
  func generatedTexts() throws {
    #expect(self.vectors.generated.count == 13)
    for vector in self.vectors.generated {
      guard vector.ok else {
        #expect(throws: MultiaddrError.self) { try Multiaddr(vector.text.whole) }
        continue
      }
      let address = try Multiaddr(vector.text.whole)
      #expect(address.bytes.count == vector.hexLength)
      #expect(hex(SHA256.hash(address.bytes)) == vector.hexSha256)
      #expect(address.components.count == vector.componentsCount)
    }
  }

  @Test("long bytes are read or refused at linear cost")
  func generatedBinaries() throws {
    #expect(self.vectors.binaryGenerated.count == 6)
    for vector in self.vectors.binaryGenerated {
      let binary = bytes(hex: vector.hex.whole)
      guard vector.ok else {
        #expect(throws: MultiaddrError.self) { try Multiaddr(bytes: binary) }
        continue
      }
      let address = try Multiaddr(bytes: binary)
      #expect(address.description.utf8.count == vector.textLength)
      #expect(hex(SHA256.hash(Array(address.description.utf8))) == vector.textSha256)
      #expect(address.components.count == vector.componentsCount)
    }
  }

  @Test("what can be dialled is dialled, the rest is refused with its class")
  func dialable() throws {
    #expect(self.vectors.dialable.count == 97)
    for vector in self.vectors.dialable {
      let fault = Self.fault { () throws(DialError) in _ = try Self.parse(vector.text).quicTarget() }
      #expect(fault == vector.class, "\(vector.text): \(vector.why)")
      #expect((fault == nil) == (vector.use == "dial"))
    }
  }

  @Test("what can be listened on is, the rest is refused with its class")
  func listenable() throws {
    for vector in self.vectors.dialable {
      guard let expected = vector.listen else { continue }
      let fault = Self.fault { () throws(DialError) in _ = try Self.parse(vector.text).listenTarget() }
      #expect(fault ?? "ok" == expected, "\(vector.text): \(vector.why)")
    }
  }

  private static func parse(_ text: String) throws(DialError) -> Multiaddr {
    do {
      return try Multiaddr(text)
    } catch {
      throw error.dialError
    }
  }

  private static func fault(_ body: () throws(DialError) -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return error.class.rawValue
    }
  }
}
