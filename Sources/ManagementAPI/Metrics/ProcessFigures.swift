internal import Glibc

/// What the kernel tells of this process.
struct ProcessFigures {
  let cpuSeconds: Double
  /// Nil where /proc is not mounted.
  let residentBytes: UInt64?

  init() {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    self.cpuSeconds = Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
    self.residentBytes = Self.resident()
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

  /// The second word of /proc/self/statm, in pages.
  private static func resident() -> UInt64? {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let words = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    guard words.count > 1, let pages = UInt64(words[1]) else { return nil }
    return pages * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
  }
}
