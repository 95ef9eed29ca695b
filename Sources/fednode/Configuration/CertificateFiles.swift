internal import MicroHTTP

/// The files of `api.tls`, in PEM.
enum CertificateFiles {
  /// A chain, or a bundle of authorities.
  private static let bytesMax = 1 << 20

  /// Nil without TLS.
  static func read(_ loaded: LoadedConfiguration) throws(ConfigurationFailure) -> TLSFiles? {
    let configuration = loaded.configuration
    switch (configuration.apiCertificateFile, configuration.apiKeyFile) {
    case (let certificate?, let key?):
      return TLSFiles(
        certificate: try Self.read(certificate, "api.tls.certificate_file", "CERTIFICATE", loaded),
        key: try Self.read(key, "api.tls.key_file", "PRIVATE KEY", loaded),
        clientAuthority: try configuration.apiClientCAFile.map { path throws(ConfigurationFailure) in
          try Self.read(path, "api.tls.client_ca_file", "CERTIFICATE", loaded)
        })
    case (nil, nil):
      guard configuration.apiClientCAFile != nil else { return nil }
      throw Self.failure(
        loaded, "api.tls.client_ca_file", "stands there without a certificate of the API itself",
        mend: "set api.tls.certificate_file and api.tls.key_file as well")
    case (_, nil):
      throw Self.failure(
        loaded, "api.tls.certificate_file", "stands there without its key", mend: "set api.tls.key_file as well")
    case (nil, _):
      throw Self.failure(
        loaded, "api.tls.key_file", "stands there without a certificate",
        mend: "set api.tls.certificate_file as well")
    }
  }

  private static func read(
    _ path: String, _ key: String, _ kind: String, _ loaded: LoadedConfiguration
  ) throws(ConfigurationFailure) -> [UInt8] {
    let content: FileContent
    do throws(FileError) {
      content = try Files.read(path, max: Self.bytesMax)
    } catch {
      throw Self.failure(loaded, key, error.description, mend: error.mend)
    }
    if key == "api.tls.key_file", content.isOpenToOthers {
      throw Self.failure(
        loaded, key, "others may read the private key in \(path), its mode is 0\(String(content.mode, radix: 8))",
        mend: "run chmod 600 \(path)")
    }
    let lines = content.bytes.split(separator: UInt8(ascii: "\n"))
    let isPEM = lines.contains { line in
      let text = String(decoding: line, as: UTF8.self)
      return text.hasPrefix("-----BEGIN ") && text.contains("\(kind)-----")
    }
    guard isPEM, !content.bytes.contains(0) else {
      throw Self.failure(
        loaded, key, "\(path) holds no \(kind) in PEM", mend: "name a file with -----BEGIN … \(kind)-----")
    }
    return content.bytes
  }

  private static func failure(
    _ loaded: LoadedConfiguration, _ key: String, _ message: String, mend: String
  ) -> ConfigurationFailure {
    ConfigurationFailure(problems: [loaded.problem(key, message, mend: mend)])
  }
}
