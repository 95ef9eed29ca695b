/// Text or bytes that are no multiaddr, or one that holds a protocol whose values are not read here.
package struct MultiaddrError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  /// The multiaddr may be a good one, but for a transport that this node does not speak.
  package let isUnsupported: Bool

  package init(_ description: String, isUnsupported: Bool = false) {
    self.description = description
    self.isUnsupported = isUnsupported
  }

  init(unsupported protocol: MultiaddrProtocol) {
    let what = `protocol`.foreignTransport ?? "/\(`protocol`.name)"
    self.init("it is \(what); fednode speaks QUIC, e.g. \(Multiaddr.example)", isUnsupported: true)
  }

  /// The same as the fault of a dial, with the contract's class.
  package var dialError: DialError {
    DialError(self.isUnsupported ? .unsupportedTransport : .invalidAddress, self.description, temporary: false)
  }
}
