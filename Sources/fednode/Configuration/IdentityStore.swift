internal import Glibc
internal import GnuTLS

/// Where the node's private key comes from.
enum IdentityStore {
  static let fileName = "identity.key"
  private static let bytesMax = 65_536

  /// The key that the configuration names, else the one in the data directory; nil when that has none yet.
  static func load(_ loaded: LoadedConfiguration) throws(ConfigurationFailure) -> IdentityKey? {
    let configuration = loaded.configuration
    if let text = configuration.privateKey {
      do throws(IdentityKeyError) {
        return try Self.decode(text)
      } catch {
        throw Self.failure(loaded, "node.private_key", error.description, mend: "fednode keygen makes a good one")
      }
    }
    if let path = configuration.privateKeyFile {
      guard let key = try Self.read(path, loaded, "node.private_key_file") else {
        throw Self.failure(
          loaded, "node.private_key_file", "there is no file \(path)", mend: "fednode keygen --output \(path) makes it")
      }
      return key
    }
    if configuration.dataDirectory.isEmpty { return nil }
    return try Self.read(Self.path(configuration), loaded, "data_dir")
  }

  /// As `load`; makes a new Ed25519 key in the data directory when there is none.
  static func loadOrCreate(
    _ loaded: LoadedConfiguration
  ) throws(ConfigurationFailure) -> (key: IdentityKey, isNew: Bool) {
    if let key = try Self.load(loaded) { return (key, false) }
    let path = Self.path(loaded.configuration)
    do {
      let key = try IdentityKey.generate(.ed25519)
      try Files.makePrivateDirectory(loaded.configuration.dataDirectory)
      try Self.write(key, to: path)
      return (key, true)
    } catch let error as FileError where error.code == EEXIST {
      // Another process was faster; there is one identity per directory.
      if let key = try Self.load(loaded) { return (key, false) }
      throw Self.failure(loaded, "data_dir", error.description, mend: "start again")
    } catch {
      throw Self.failure(loaded, "data_dir", "\(error)", mend: "name a directory that can be written to")
    }
  }

  /// The libp2p PrivateKey in base64, one line, mode 0600. Never replaces a file.
  static func write(_ key: IdentityKey, to path: String) throws(FileError) {
    var bytes = Array((Self.encode(key) + "\n").utf8)
    defer { wipe(&bytes) }
    try Files.createPrivate(path, bytes)
  }

  /// base64 of the libp2p PrivateKey. Secret.
  static func encode(_ key: IdentityKey) -> String {
    var protobuf = key.protobuf
    defer { wipe(&protobuf) }
    return base64Encode(protobuf)
  }

  /// Reads base64 of a 64-byte Ed25519 key or of a libp2p PrivateKey.
  static func decode(_ text: String) throws(IdentityKeyError) -> IdentityKey {
    var bytes = try base64Decode(trimmed(text))
    defer { wipe(&bytes) }
    return bytes.count == 64 ? try .load(ed25519: bytes) : try .load(protobuf: bytes)
  }

  static func path(_ configuration: Configuration) -> String { "\(configuration.dataDirectory)/\(Self.fileName)" }

  /// Nil when there is no file.
  private static func read(
    _ path: String, _ loaded: LoadedConfiguration, _ key: String
  ) throws(ConfigurationFailure) -> IdentityKey? {
    var content: FileContent
    do throws(FileError) {
      content = try Files.read(path, max: Self.bytesMax)
    } catch {
      if error.isMissing { return nil }
      throw Self.failure(loaded, key, error.description, mend: "make it a file that only this user can read")
    }
    guard !content.isOpenToOthers else {
      throw Self.failure(
        loaded, key, "others may read the private key in \(path), its mode is 0\(String(content.mode, radix: 8))",
        mend: "run chmod 600 \(path)")
    }
    do throws(IdentityKeyError) {
      let text = String(decoding: content.bytes, as: UTF8.self)
      return try Self.decode(text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
    } catch {
      throw Self.failure(loaded, key, "\(path): \(error)", mend: "restore it from a backup; it names this node")
    }
  }

  private static func failure(
    _ loaded: LoadedConfiguration, _ key: String, _ message: String, mend: String
  ) -> ConfigurationFailure {
    ConfigurationFailure(problems: [loaded.problem(key, message, mend: mend)])
  }
}
