/// Who began a connection or a stream, seen from this node.
package enum Direction: String, Sendable, Hashable, CaseIterable {
  case inbound
  case outbound
}
