// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let ordered = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")

func library(_ name: String, path: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func program(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path ?? "Sources/\(name)", swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        path: "Tests/\(name)",
        exclude: exclude,
        swiftSettings: settings
    )
}

// An arrow may only point up this list: a target imports what stands above it.
let package = Package(
    name: "podling",
    products: [
        .library(name: "PodlingProtocol", targets: ["PodlingProtocol"]),
        .library(name: "PodlingClient", targets: ["PodlingClient"]),
        .executable(name: "podling-master", targets: ["podling-master"]),
        .executable(name: "podling-worker", targets: ["podling-worker"]),
        .executable(name: "podling-client", targets: ["podling-client"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        // Without its traits: no reading of configuration files, and no full Foundation.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
    ],
    targets: [
        library("PodlingProtocol", path: "Sources/Protocol", []),
        library("PodlingClock", path: "Sources/Clock", []),
        library(
            "PodlingLogging",
            path: "Sources/Logging",
            ["PodlingProtocol", "PodlingClock", nioConcurrency, nioPosix, logging]
        ),
        .systemLibrary(
            name: "COpenSSL",
            path: "Sources/COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),
        library("PodlingDigest", path: "Sources/Digest", ["COpenSSL"]),
        library("PodlingAccess", path: "Sources/Access", ["PodlingProtocol", "PodlingDigest"]),
        library("PodlingCore", path: "Sources/Core", ["PodlingProtocol", "PodlingAccess", deque, ordered, heap]),
        library("PodlingStore", path: "Sources/Store", ["PodlingCore"]),
        library(
            "PodlingShell",
            path: "Sources/Shell",
            ["PodlingProtocol", "PodlingAccess", "PodlingCore", "PodlingStore"]
        ),
        .systemLibrary(name: "CLibpq", path: "Sources/CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        library(
            "PodlingPostgres",
            path: "Sources/PostgresStore",
            [
                "CLibpq", "PodlingStore", "PodlingAccess", "PodlingCore", "PodlingProtocol", "PodlingClock",
                nioConcurrency, nioCore, nioPosix, logging,
            ]
        ),
        library("PodlingTLS", path: "Sources/TLS", ["COpenSSL", nioCore]),
        library("PodlingClient", path: "Sources/Client", ["PodlingProtocol", "PodlingTLS", nioCore, nioPosix]),
        library("PodlingOptions", path: "Sources/Options", ["PodlingClient", arguments]),
        library(
            "PodlingMaster",
            path: "Sources/Master",
            [
                "PodlingProtocol", "PodlingClock", "PodlingAccess", "PodlingCore", "PodlingStore", "PodlingShell",
                "PodlingTLS", nioConcurrency, nioCore, nioPosix, logging, lifecycle, deque,
            ]
        ),
        library(
            "PodlingHTTP",
            path: "Sources/HTTPShim",
            [
                "PodlingProtocol", "PodlingMaster", "PodlingTLS", hummingbird, nioCore, nioHTTP1, deque, logging,
                lifecycle,
            ]
        ),
        library("PodlingAgent", path: "Sources/Agent", ["PodlingProtocol", ordered]),
        library(
            "PodlingSimulator",
            path: "Sources/Simulator",
            [
                "PodlingProtocol", "PodlingAccess", "PodlingCore", "PodlingStore", "PodlingShell", "PodlingAgent",
                deque,
                heap,
            ]
        ),
        library(
            "PodlingWorker",
            path: "Sources/Worker",
            [
                "PodlingProtocol", "PodlingClock", "PodlingAgent", "PodlingClient", nioCore, nioHTTP1, nioPosix,
                logging, lifecycle,
            ]
        ),
        program(
            "podling-master",
            [
                "PodlingMaster", "PodlingHTTP", "PodlingLogging", "PodlingProtocol", "PodlingAccess", "PodlingCore",
                "PodlingStore", "PodlingShell", "PodlingPostgres", "PodlingTLS", nioCore, arguments, logging, lifecycle,
                unixSignals,
            ]
        ),
        program(
            "podling-worker",
            [
                "PodlingWorker", "PodlingAgent", "PodlingClient", "PodlingLogging", "PodlingOptions", "PodlingProtocol",
                arguments, logging, lifecycle, unixSignals,
            ]
        ),
        program(
            "podling-client",
            [
                "PodlingClient", "PodlingOptions", "PodlingProtocol", "PodlingClock", "PodlingDigest", "PodlingTLS",
                arguments, unixSignals,
            ]
        ),
        program("podling-sim", ["PodlingSimulator", arguments]),
        program(
            "podling-bench",
            path: "Benchmarks/podling-bench",
            ["PodlingProtocol", "PodlingCore", "CAllocationCount", nioCore, nioPosix]
        ),
        .target(name: "CAllocationCount", path: "Benchmarks/CAllocationCount"),
        .systemLibrary(name: "CEpoll", path: "Benchmarks/CEpoll"),
        library("LoadSupport", path: "Benchmarks/LoadSupport", ["COpenSSL"]),
        program("podling-load", path: "Benchmarks/podling-load", ["LoadSupport", "CEpoll", "COpenSSL"]),
        program(
            "podling-fuzz",
            path: "Benchmarks/podling-fuzz",
            ["LoadSupport", "PodlingProtocol", "CEpoll", "COpenSSL"]
        ),
        .executableTarget(name: "commit-relay", dependencies: ["CLibpq"], path: "Benchmarks/commit-relay"),

        tests("ProtocolTests", ["PodlingProtocol", "TestSupport"]),
        tests("ClockTests", ["PodlingClock"]),
        tests("LoggingTests", ["PodlingLogging", "TestSupport", logging]),
        tests("AccessTests", ["PodlingAccess"]),
        tests("CoreTests", ["PodlingCore", "PodlingAccess", "PodlingProtocol", "TestSupport"]),
        tests("TLSTests", ["PodlingTLS", "TestSupport", nioEmbedded, nioCore]),
        tests("StoreTests", ["PodlingStore", "StoreTesting"]),
        tests(
            "PostgresTests",
            [
                "PodlingPostgres", "PodlingStore", "PodlingAccess", "PodlingCore", "PodlingProtocol", "StoreTesting",
                "TestSupport", logging,
            ]
        ),
        tests(
            "MasterTests",
            [
                "PodlingMaster", "PodlingAccess", "PodlingCore", "PodlingProtocol", "PodlingShell", "PodlingStore",
                "PodlingTLS", "TestSupport", nioConcurrency, nioCore, nioEmbedded, logging, lifecycle,
            ]
        ),
        tests(
            "HTTPShimTests",
            [
                "PodlingHTTP", "PodlingAccess", "PodlingCore", "PodlingMaster", "PodlingProtocol", "PodlingTLS",
                "TestSupport", hummingbird, nioCore, nioEmbedded, nioHTTP1, nioPosix, logging, lifecycle,
            ]
        ),
        tests(
            "ClientTests",
            [
                "PodlingClient", "podling-client", "PodlingOptions", "PodlingProtocol", "PodlingTLS", "TestSupport",
                arguments,
                nioEmbedded, nioCore, nioPosix,
            ]
        ),
        tests("AgentTests", ["PodlingAgent", "PodlingProtocol"]),
        tests(
            "SimulatorTests",
            ["PodlingSimulator", "PodlingStore", "PodlingCore", "PodlingProtocol", "StoreTesting"],
            exclude: ["Seeds"]
        ),
        tests(
            "WorkerTests",
            [
                "PodlingWorker", "PodlingAgent", "PodlingClient", "PodlingLogging", "PodlingProtocol", "PodlingTLS",
                "TestSupport", nioCore, nioEmbedded, nioHTTP1, nioPosix, logging, lifecycle,
            ]
        ),
        library("TestSupport", path: "Tests/TestSupport", []),
        library("StoreTesting", path: "Tests/StoreTesting", ["PodlingStore", "PodlingCore", "PodlingProtocol"]),
        tests("IntegrationTests", ["COpenSSL", "TestSupport", "PodlingProtocol"]),
        tests("FaultTests", ["TestSupport", "PodlingProtocol"]),
        tests("ConformanceTests", ["TestSupport", "PodlingProtocol"], exclude: ["Transcripts"]),
    ]
)
