/// Certificates that were verified lately, so that a peer that comes again costs two signature checks less. The
/// handshake still proves that the peer holds the certificate's key.
///
/// A value without locks: it belongs to one thread. Bounded; a new entry replaces the oldest.
package struct CertificateCache {
  /// More peers than a federation has, and about 1 MB.
  package static let capacityDefault = 4_096

  private struct Entry {
    let certificate: VerifiedCertificate
    let slot: Int
  }

  private let capacity: Int
  /// By SHA-256 of the certificate.
  private var entries: [[UInt8]: Entry] = [:]
  /// Keys in order of insertion; `next` is the oldest once all slots are in use.
  private var slots: [[UInt8]] = []
  private var next = 0

  /// - Parameter capacity: at least 1.
  package init(capacity: Int = CertificateCache.capacityDefault) {
    precondition(capacity >= 1)
    self.capacity = capacity
  }

  package var count: Int { self.entries.count }

  func contains(_ der: [UInt8]) -> Bool { self.entries[sha256(der)] != nil }

  /// What `CertificateVerifier.verify` answers, from the cache where possible. Refusals are not kept.
  ///
  /// - Parameter now: Unix seconds.
  package mutating func verify(
    der: UnsafeRawBufferPointer, now: Int64
  ) throws(CertificateError) -> VerifiedCertificate {
    guard der.count <= CertificateVerifier.bytesMax else { throw .tooLong(bytes: der.count) }
    let key = sha256(der)
    if let entry = self.entries[key] {
      if now <= entry.certificate.notAfter { return entry.certificate }
      self.entries[key] = nil
    }
    let certificate = try CertificateVerifier.verify(der: der, now: now)
    self.insert(key, certificate)
    return certificate
  }

  private mutating func insert(_ key: [UInt8], _ certificate: VerifiedCertificate) {
    if self.slots.count < self.capacity {
      self.slots.append(key)
      self.next = self.slots.count - 1
    } else {
      let oldest = self.slots[self.next]
      // An expired entry left its slot behind, and may have come back in another.
      if self.entries[oldest]?.slot == self.next { self.entries[oldest] = nil }
      self.slots[self.next] = key
    }
    self.entries[key] = Entry(certificate: certificate, slot: self.next)
    self.next = (self.next + 1) % self.capacity
  }
}
