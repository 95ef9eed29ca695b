/// A limit that is used up.
package struct LimitRefusal: Sendable, Hashable, CustomStringConvertible {
  /// The key of the configuration that raises it: `limits.connections_inbound`.
  package var key: String
  package var used: Int
  package var limit: Int
  /// What is used up, its figures, and what to do.
  package var words: String

  /// `what` says what `used` counts: `connections from 192.0.2.7`.
  package init(key: String, used: Int, limit: Int, what: String) {
    self.key = key
    self.used = used
    self.limit = limit
    self.words = "\(used) \(what) are open and \(key) is \(limit); close some or raise \(key)"
  }

  package var description: String { self.words }
}
