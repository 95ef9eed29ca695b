/// What a server needs for HTTPS, in PEM.
package struct TLSFiles: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Of the server, those that signed it after it.
  package var certificate: [UInt8]
  /// Secret.
  package var key: [UInt8]
  /// Certificates of whom clients must be signed by; nil: clients need none.
  package var clientAuthority: [UInt8]?

  package init(certificate: [UInt8], key: [UInt8], clientAuthority: [UInt8]? = nil) {
    self.certificate = certificate
    self.key = key
    self.clientAuthority = clientAuthority
  }

  package var description: String { "[secret]" }
  package var debugDescription: String { "[secret]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
