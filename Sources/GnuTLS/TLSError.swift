internal import CGnuTLS

/// A GnuTLS call that failed, in the library's own words.
package struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was being done.
  package let operation: String
  /// A negative number of gnutls.h.
  package let code: Int32

  package var description: String {
    "\(self.operation): \(String(cString: gnutls_strerror(self.code))) (GnuTLS \(self.code))"
  }
}

/// Throws when `code`, which a GnuTLS call returned, is negative.
func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(TLSError) {
  if code < 0 { throw TLSError(operation: operation(), code: code) }
}
