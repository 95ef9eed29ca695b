internal import GnuTLS
internal import P2PCore

/// `fednode keygen`. The private key goes into the file, or to standard output when there is none, and nowhere else.
enum KeygenCommand {
  static func run(_ command: ParsedCommand, _ output: Output) throws -> Int32 {
    let type = try Self.type(command.value("--type") ?? KeyType.ed25519.name)
    let key = try IdentityKey.generate(type)
    var members: [(String, JSONText)] = [
      ("peer_id", .string(key.peerID.description)), ("key_type", .string(type.name)),
    ]
    if let path = command.value("--output") {
      do {
        try IdentityStore.write(key, to: path)
      } catch {
        output.note("fednode: \(error); an existing key is never replaced")
        return 1
      }
      members.append(("file", .string(path)))
      output.print(command.has("--json") ? JSONText.object(members).text : key.peerID.description)
      return 0
    }
    if command.has("--json") {
      members.append(("private_key", .string(IdentityStore.encode(key))))
      output.print(JSONText.object(members).text)
    } else {
      output.print(IdentityStore.encode(key))
      output.note("Peer id \(key.peerID). The line above is secret: whoever has it is this node.")
    }
    return 0
  }

  private static func type(_ name: String) throws(UsageError) -> KeyType {
    if let type = KeyType.allCases.first(where: { $0.name == name }) { return type }
    let names = KeyType.allCases.map(\.name)
    let guess = closest(name, in: names).map { "did you mean \($0)?" } ?? "there are \(names.joined(separator: ", "))"
    throw UsageError("unknown key type \(quoted(name)); \(guess)", command: "keygen")
  }
}
