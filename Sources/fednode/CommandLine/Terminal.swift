// `stdout` is a variable of C that Swift cannot know to be safe; here it is touched once, before any other thread.
@preconcurrency internal import Glibc

/// The two outputs of a command.
enum Terminal {
  /// Lines appear when they are complete, into a pipe as well.
  static func useLineBuffering() {
    setvbuf(stdout, nil, _IOLBF, 0)
  }

  /// Writes a line for people to standard error.
  static func note(_ text: String) {
    Array((text + "\n").utf8).withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = write(2, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }

  /// The environment of this process.
  static var environment: [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return variables
  }
}
