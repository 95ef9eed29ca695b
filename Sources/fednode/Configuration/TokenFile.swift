internal import ManagementAPI

/// A file that holds a token of the API in its first line.
enum TokenFile {
  private static let bytesMax = 4_096

  /// - Parameter key: that names the file, for messages.
  static func read(_ path: String, _ key: String, of loaded: LoadedConfiguration) throws(ConfigurationFailure)
    -> APIToken
  {
    let mend = "make one with (umask 077; openssl rand -hex 32 > \(path))"
    let content: FileContent
    do throws(FileError) {
      content = try Files.read(path, max: Self.bytesMax)
    } catch {
      throw Self.failure(loaded, key, error.description, mend: error.isMissing ? mend : error.mend)
    }
    guard !content.isOpenToOthers else {
      throw Self.failure(
        loaded, key, "others may read the token in \(path), its mode is 0\(String(content.mode, radix: 8))",
        mend: "run chmod 600 \(path)")
    }
    let text = String(decoding: content.bytes, as: UTF8.self)
    let line = text.split(whereSeparator: \.isNewline).first.map { trimmed($0) } ?? ""
    // What stands there may be a secret, so that no message shows it.
    guard let token = APIToken(line) else {
      throw Self.failure(
        loaded, key,
        "\(path) holds no token of \(APIToken.bytesMin) to \(APIToken.bytesMax) letters, digits and -._~+/=", mend: mend
      )
    }
    return token
  }

  private static func failure(
    _ loaded: LoadedConfiguration, _ key: String, _ message: String, mend: String
  ) -> ConfigurationFailure {
    ConfigurationFailure(problems: [loaded.problem(key, message, mend: mend)])
  }
}
