import CLibFuzzer
import Glibc

// `@main` in a type, because libFuzzer's runtime wants a program that is parsed as a library.

/// Runs one target under libFuzzer, for Tests/Fuzz/run:
///
///     fednode-fuzz --list
///     fednode-fuzz TARGET [libFuzzer's options] [corpus folder | file]…
@main enum Fuzz {
  /// The target of this process. Set before libFuzzer runs, which uses one thread.
  nonisolated(unsafe) fileprivate static var run: @Sendable ([UInt8]) -> Void = { _ in }

  static func main() {
    let arguments = CommandLine.arguments
    if arguments.dropFirst() == ["--list"] {
      for target in FuzzTarget.all { print(target.name) }
      return
    }
    guard let name = arguments.dropFirst().first, let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      print("usage: fednode-fuzz --list | TARGET [option of libFuzzer | corpus folder | file]…")
      exit(2)
    }
    guard clibfuzzer_is_linked() else {
      print("this build is without libFuzzer; Tests/Fuzz/run makes one that has it")
      exit(2)
    }
    Self.run = target.run
    let options = [arguments[0], "-max_len=\(target.lengthMax)"] + arguments.dropFirst(2)
    var count = Int32(options.count)
    // libFuzzer keeps the pointers for as long as the process lives.
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: options.count + 1)
    for (index, option) in options.enumerated() { pointers[index] = strdup(option) }
    pointers[options.count] = nil
    var vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = pointers
    exit(
      clibfuzzer_run(&count, &vector) { data, length in
        Fuzz.run(Array(UnsafeBufferPointer(start: data, count: length)))
        return 0
      })
  }
}
