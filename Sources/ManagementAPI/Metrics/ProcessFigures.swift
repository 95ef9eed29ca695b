internal import Glibc

/// What the kernel tells of this process. Nil where /proc is not mounted, or there is no limit.
struct ProcessFigures {
  let cpuSeconds: Double
  let residentBytes: UInt64?
  let virtualBytes: UInt64?
  let openDescriptors: Int?
  let descriptorsMax: UInt64?

  init() {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    self.cpuSeconds = Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
    let pages = Self.pages()
    let pageBytes = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    self.virtualBytes = pages.map { $0.total * pageBytes }
    self.residentBytes = pages.map { $0.resident * pageBytes }
    self.openDescriptors = Self.descriptors()
    var limit = rlimit()
    let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    self.descriptorsMax = isKnown && limit.rlim_cur != rlim_t.max ? UInt64(limit.rlim_cur) : nil
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

  /// The first two words of /proc/self/statm.
  private static func pages() -> (total: UInt64, resident: UInt64)? {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let words = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ").prefix(2).map { UInt64($0) }
    guard words.count == 2, let total = words[0], let resident = words[1] else { return nil }
    return (total, resident)
  }

  /// As many as there are entries in /proc/self/fd.
  private static func descriptors() -> Int? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    // Without `.`, `..` and the folder itself.
    return max(0, count - 3)
  }
}
