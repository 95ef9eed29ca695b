// swift-tools-version: 6.0
import PackageDescription

// No Swift package dependencies on purpose: a custody node builds from the distribution's packages alone
// (docker/install-packages), with no code fetched at build time.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.init(stringLiteral: name)] + dependencies, resources: resources,
    swiftSettings: settings)
}

let package = Package(
  name: "fednode",
  products: [.executable(name: "fednode", targets: ["fednode"])],
  targets: [
    // C libraries, one module each.
    .target(name: "CLinux"),
    .target(
      name: "CNgtcp2", dependencies: ["CLinux"],
      linkerSettings: [.linkedLibrary("ngtcp2"), .linkedLibrary("ngtcp2_crypto_gnutls"), .linkedLibrary("gnutls")]),
    .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
    .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
    .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
    .target(name: "CCares", linkerSettings: [.linkedLibrary("cares")]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

    module("Logging"),
    module("P2PCore"),
    module("LinuxIO", ["CLinux"]),
    module("GnuTLS", ["CGnuTLS", "CSecp256k1", "P2PCore"]),
    module("QUIC", ["CNgtcp2", "CLinux", "GnuTLS", "LinuxIO", "P2PCore"]),
    module("P2PHost", ["P2PCore", "Logging"]),
    module("Federation", ["P2PHost", "P2PCore", "Logging"], exclude: ["federation.proto", "PROTOCOL.md"]),
    module("MicroHTTP", ["CMicroHTTPD"]),
    module("Jansson", ["CJansson"]),
    module("YAML", ["CYAML"]),
    module(
      "ManagementAPI", ["P2PHost", "P2PCore", "MicroHTTP", "Jansson", "YAML", "Logging"], exclude: ["StatusPage"]),
    .executableTarget(
      name: "fednode",
      dependencies: [
        "P2PCore", "LinuxIO", "GnuTLS", "QUIC", "P2PHost", "Federation", "MicroHTTP", "Jansson", "YAML",
        "ManagementAPI",
        "Logging", "CCares",
      ],
      swiftSettings: settings),

    // Run on demand by Tests/Benchmarks/run.
    .executableTarget(
      name: "fednode-bench",
      dependencies: ["ManagementAPI", "QUIC", "GnuTLS", "Federation", "P2PHost", "P2PCore"],
      path: "Tests/Benchmarks/Sources", swiftSettings: settings),

    // Run on demand by Tests/Fuzz/run, which builds it with libFuzzer.
    .target(name: "CLibFuzzer", path: "Tests/Fuzz/CLibFuzzer"),
    .executableTarget(
      name: "fednode-fuzz", dependencies: ["CLibFuzzer", "Federation", "GnuTLS", "Jansson", "MicroHTTP", "P2PCore"],
      path: "Tests/Fuzz/Sources", swiftSettings: settings),

    .target(name: "HTTPTestClient", path: "Tests/Support/HTTPTestClient", swiftSettings: settings),
    // Hosts on a network inside the process, in virtual time.
    .target(
      name: "HostTestKit", dependencies: ["P2PHost", "P2PCore"], path: "Tests/Support/HostTestKit",
      swiftSettings: settings),
    // Random bytes and mutations that a seed repeats.
    .target(name: "RandomInput", path: "Tests/Support/RandomInput", swiftSettings: settings),
    .target(name: "AllocationCounter", path: "Tests/Support/AllocationCounter"),
    tests("P2PCore", ["RandomInput"], resources: [.copy("Vectors")]),
    tests("Logging"),
    tests("LinuxIO"),
    tests("GnuTLS", ["P2PCore"], resources: [.copy("Vectors")]),
    tests("QUIC", ["AllocationCounter", "CLinux", "CNgtcp2", "GnuTLS", "LinuxIO", "P2PCore", "P2PHost"]),
    tests("P2PHost", ["HostTestKit", "AllocationCounter", "P2PCore", "Logging"]),
    tests("Federation", ["HostTestKit", "RandomInput", "P2PHost", "P2PCore"], resources: [.copy("Vectors")]),
    tests("MicroHTTP", ["HTTPTestClient"]),
    tests("Jansson"),
    tests("YAML"),
    tests("ManagementAPI", ["GnuTLS", "P2PHost", "P2PCore", "MicroHTTP", "Jansson", "HTTPTestClient"]),
    tests("fednode", ["P2PCore", "P2PHost", "Logging", "YAML", "Jansson", "HTTPTestClient"]),
  ],
  swiftLanguageModes: [.v6]
)
