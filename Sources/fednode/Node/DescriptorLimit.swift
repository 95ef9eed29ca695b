internal import Glibc

/// How many files and sockets this process may have open.
enum DescriptorLimit {
  /// All connections of the API and a hundred for sockets, files and what libraries open.
  static let wanted = 2_048 + 128

  /// Asks for as many as are wanted, which most systems grant: the soft limit is 1,024 for the sake of programs that use
  /// select(2). Answers how many there may be.
  static func raise() -> UInt64 {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0 else { return 0 }
    guard limit.rlim_cur < rlim_t(Self.wanted) else { return UInt64(limit.rlim_cur) }
    let before = limit.rlim_cur
    limit.rlim_cur = min(limit.rlim_max, rlim_t(Self.wanted))
    return UInt64(setrlimit(resource, &limit) == 0 ? limit.rlim_cur : before)
  }
}
