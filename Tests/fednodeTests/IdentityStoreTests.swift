import GnuTLS
import P2PCore
import Testing

@testable import fednode

@Suite struct IdentityStoreTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  private func loaded(_ change: (inout Configuration) -> Void = { _ in }) -> LoadedConfiguration {
    var configuration = Configuration()
    configuration.dataDirectory = self.directory.path + "/deep/data"
    change(&configuration)
    return LoadedConfiguration(configuration, file: nil, keys: [], origins: [:])
  }

  @Test("The first start makes a key that later starts find")
  func creation() throws {
    let loaded = self.loaded()
    #expect(try IdentityStore.load(loaded) == nil)
    let (key, isNew) = try IdentityStore.loadOrCreate(loaded)
    #expect(isNew)
    #expect(key.publicKey.type == .ed25519)
    let folder = loaded.configuration.dataDirectory
    #expect(try self.directory.mode(folder) == 0o700)
    #expect(try self.directory.mode(folder + "/identity.key") == 0o600)
    #expect(try self.directory.contents(folder) == ["identity.key"])
    let again = try IdentityStore.loadOrCreate(loaded)
    #expect(!again.isNew)
    #expect(again.key.peerID == key.peerID)
  }

  @Test("A key is never replaced")
  func exclusive() throws {
    let path = self.directory.path + "/a.key"
    let key = try IdentityKey.generate()
    try IdentityStore.write(key, to: path)
    #expect(throws: FileError.self) { try IdentityStore.write(IdentityKey.generate(), to: path) }
    #expect(try self.directory.contents(self.directory.path) == ["a.key"])
    let loaded = self.loaded { $0.privateKeyFile = path }
    #expect(try IdentityStore.load(loaded)?.peerID == key.peerID)
  }

  @Test("A key file that others may read is refused", arguments: [0o604, 0o640, 0o660, 0o644, 0o601])
  func openFile(mode: Int) throws {
    let path = try self.directory.write("k", IdentityStore.encode(IdentityKey.generate()), mode: mode)
    let loaded = self.loaded { $0.privateKeyFile = path }
    #expect(throws: ConfigurationFailure.self) { try IdentityStore.load(loaded) }
    try self.directory.write("k", IdentityStore.encode(IdentityKey.generate()), mode: 0o400)
    #expect(try IdentityStore.load(loaded) != nil)
  }

  @Test("A broken key in the data directory is an error and not replaced", arguments: ["", "x", "AAAA", "\n"])
  func broken(text: String) throws {
    let loaded = self.loaded { $0.dataDirectory = self.directory.path }
    let path = try self.directory.write("identity.key", text)
    #expect(throws: ConfigurationFailure.self) { try IdentityStore.loadOrCreate(loaded) }
    #expect(try Files.read(path, max: 100).bytes == Array(text.utf8))
  }

  @Test("Both forms of a private key are read, of every type", arguments: KeyType.allCases)
  func forms(type: KeyType) throws {
    let key = try IdentityKey.generate(type)
    #expect(try IdentityStore.decode(IdentityStore.encode(key)).peerID == key.peerID)
    #expect(try IdentityStore.decode("  \(IdentityStore.encode(key)) ").peerID == key.peerID)
    if type == .ed25519 {
      let raw = Array(key.protobuf.dropFirst(4))
      #expect(try IdentityStore.decode(base64Encode(raw)).peerID == key.peerID)
    }
  }

  @Test("What is no file is no key file")
  func directories() throws {
    let loaded = self.loaded { $0.privateKeyFile = self.directory.path }
    #expect(throws: ConfigurationFailure.self) { try IdentityStore.load(loaded) }
    let missing = self.loaded { $0.privateKeyFile = self.directory.path + "/none" }
    #expect(throws: ConfigurationFailure.self) { try IdentityStore.load(missing) }
    let big = try self.directory.write("big", String(repeating: "A", count: 100_000))
    let large = self.loaded { $0.privateKeyFile = big }
    #expect(throws: ConfigurationFailure.self) { try IdentityStore.load(large) }
  }
}
