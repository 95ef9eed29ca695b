/// The version of this program, once.
enum Version {
  static let number = "0.1.0"
  /// As told to peers.
  static let agent = "fednode/\(Self.number)"
}
