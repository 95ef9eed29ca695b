internal import GnuTLS
internal import P2PCore

/// `fednode id`
enum IDCommand {
  static func run(_ loaded: LoadedConfiguration, json: Bool, _ output: Output) throws(ConfigurationFailure) -> Int32 {
    guard let key = try IdentityStore.load(loaded) else {
      output.note(
        "fednode: there is no identity in \(IdentityStore.path(loaded.configuration)) yet; fednode run makes one, or "
          + "fednode keygen --output \(IdentityStore.path(loaded.configuration))")
      return 1
    }
    guard json else {
      output.print(key.peerID.description)
      return 0
    }
    output.print(
      JSONText.object([
        ("peer_id", .string(key.peerID.description)), ("key_type", .string(key.publicKey.type.name)),
        ("public_key", .string(base64Encode(key.publicKey.protobuf))),
      ]).text)
    return 0
  }
}
