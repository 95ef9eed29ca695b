internal import GnuTLS
internal import P2PCore
internal import P2PHost
internal import YAML

/// The list of peers that the Go node keeps: `peers: [{public_key, addresses}]`.
struct PeersFile {
  static let peersMax = 4_096

  private(set) var peers: [BookEntry] = []
  private(set) var problems: [ConfigurationProblem] = []
  /// Addresses of the Go node's TCP port, taken as QUIC on the same port.
  private(set) var translated = 0
  private let path: String

  /// Reads all that can be read; what cannot is in `problems`.
  init(_ path: String) {
    self.path = path
    do {
      let content = try Files.read(path, max: YAMLDocument.bytesMax)
      let document = try YAMLDocument(content.bytes)
      for problem in document.problems { self.report(problem.mark.line, problem.message, mend: "a key may stand once") }
      if let root = document.root { self.read(root) }
    } catch let error as FileError {
      self.report(nil, error.description, mend: "name a file that can be read, or remove peers.file")
    } catch let error as YAMLProblem {
      self.report(error.mark.line, error.message, mend: "mend column \(error.mark.column) of this line")
    } catch {
      self.report(nil, "\(error)", mend: "name another file")
    }
  }

  private mutating func read(_ root: YAMLNode) {
    guard case .mapping(let entries) = root.content, entries.count == 1, entries[0].key == "peers",
      case .sequence(let items) = entries[0].value.content
    else { return self.report(root.mark.line, "holds no list of peers", mend: "write peers: with a list below it") }
    guard items.count <= Self.peersMax else {
      return self.report(root.mark.line, "has \(items.count) peers", mend: "leave at most \(Self.peersMax)")
    }
    for item in items {
      do throws(ValueError) {
        let entry = try ValueType<BookEntry>.peer.read(self.translate(RawValue(item)))
        // The Go node passes over repeats as well.
        if !self.peers.contains(where: { $0.peerID == entry.peerID }) { self.peers.append(entry) }
      } catch {
        self.report(item.mark.line, error.message, mend: error.mend)
      }
    }
  }

  /// `/tcp/<port>` as `/udp/<port>/quic-v1`: the Go node takes no other addresses, and its members now speak QUIC.
  private mutating func translate(_ item: RawValue) -> RawValue {
    guard case .map(var fields) = item, case .list(let addresses)? = fields["addresses"] else { return item }
    fields["addresses"] = .list(
      addresses.map { raw in
        guard case .text(let text) = raw else { return raw }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[3] == "tcp" else { return raw }
        self.translated += 1
        return .text("/\(parts[1])/\(parts[2])/udp/\(parts[4])/quic-v1")
      })
    return .map(fields)
  }

  private mutating func report(_ line: Int?, _ message: String, mend: String) {
    self.problems.append(
      ConfigurationProblem(
        place: line.map { "\(self.path):\($0)" } ?? self.path, key: "peers.file", message: message, mend: mend))
  }
}
