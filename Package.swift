// swift-tools-version: 6.2
import PackageDescription

// Which functions run often, and which branches they take, as `make pgo` has measured it (decision 22): the compiler
// puts what is hot together and the rest out of the way. A profile is read by the compilers that write its format.
let measured = "\(Context.packageDirectory)/Fixtures/profile/pointsman.profdata"
let profiling: [String]
let instrumentation: [LinkerSetting]
switch Context.environment["POINTSMAN_PROFILE"] {
case "none":
    (profiling, instrumentation) = ([], [])
case "generate":
    profiling = ["-Xfrontend", "-ir-profile-generate=pointsman.profraw"]
    instrumentation = [.unsafeFlags(["-Xclang-linker", "-fprofile-generate"])]
default:
    #if compiler(>=6.3) && compiler(<6.4)
    profiling = ["-Xfrontend", "-ir-profile-use=\(measured)"]
    #else
    profiling = []
    #endif
    instrumentation = []
}

// Warnings are errors everywhere; the brain may not contain unsafe code, so the compiler is asked to look for it.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // One thread owns each object at a time; debug builds, which all tests run, check that accesses do not overlap.
    .unsafeFlags(
        [
            "-cross-module-optimization", "-enforce-exclusivity=unchecked",
            // Names in the profile without the directory of the build; each function in a section of its own.
            "-Xllvm", "-static-func-full-module-prefix=false", "-Xfrontend", "-function-sections",
        ] + profiling, .when(configuration: .release)),
]

let package = Package(
    name: "pointsman",
    products: [.executable(name: "pointsman", targets: ["pointsman"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    ],
    targets: [
        // The brain, in the order in which a query meets it: pure values, no I/O.
        .target(name: "Wire", swiftSettings: strict),  // protocol bytes as values: frames, startup, errors
        .target(name: "SQL", swiftSettings: strict),  // what a statement does, from its text
        .target(name: "Routing", dependencies: ["SQL"], swiftSettings: strict),  // where a statement goes
        .target(name: "Pooling", swiftSettings: strict),  // who may use which server connection, when
        .target(name: "Authentication", dependencies: ["Wire", "OpenSSL"], swiftSettings: strict),  // who is who
        .target(  // one client's and one server's conversation
            name: "Sessions", dependencies: ["Wire", "SQL", "Routing", "Authentication"], swiftSettings: strict),

        .target(name: "Admin", dependencies: ["Wire"], swiftSettings: strict),  // one conversation with the console

        // The body: sockets, threads, libraries.
        .target(name: "Locks", swiftSettings: strict),  // the lock that threads share values under
        .target(  // epoll, timers, sockets, buffers; its spans borrow from buffers that no compiler-known type owns
            name: "Reactor", dependencies: ["CLinux", "Locks"],
            swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
        .target(  // digests, random bytes, TLS
            name: "OpenSSL", dependencies: ["COpenSSL", "Locks"],
            swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
        .target(  // roles, LSNs and lag of each node over libpq
            name: "Probing", dependencies: ["CCurl", "CLibpq", "Locks", "Routing", "SQL", "Telemetry"],
            swiftSettings: strict),
        .target(  // which nodes a cluster has, where others know that
            name: "Discovery",
            dependencies: ["Locks", "Probing", "Reactor"], swiftSettings: strict),
        .target(  // host names, resolved off the workers
            name: "Lookups", dependencies: ["Locks", "Telemetry"], swiftSettings: strict),
        .target(  // PAM and LDAP, asked whether passwords are right
            name: "Passwords", dependencies: ["Authentication", "CLDAP", "CPAM", "Locks", "Reactor"],
            swiftSettings: strict),
        .target(  // owns every connection and worker thread
            name: "Proxy",
            dependencies: [
                "Sessions", "Pooling", "Routing", "Wire", "SQL", "Admin", "Authentication", "OpenSSL", "Reactor",
                "Telemetry", "Lookups", "Locks", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        // The face: what people see.
        .target(  // answers over HTTP to load balancers
            name: "Endpoints",
            dependencies: [
                "Routing", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(  // log and counters
            name: "Telemetry", dependencies: ["Locks", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(  // TOML text to checked settings
            name: "Settings",
            dependencies: [
                "Proxy", "Routing", "Pooling", "Authentication", "OpenSSL", "Probing", "Discovery", "Telemetry",
                .product(name: "TOMLKit", package: "TOMLKit"),
            ],
            swiftSettings: strict),
        .target(  // a private primary with replicas, for demo and tests
            name: "PostgresCluster", dependencies: ["Locks"],
            resources: [
                .embedInCode("Configuration/postgresql.conf"), .embedInCode("Configuration/pg_hba.conf"),
                .embedInCode("Configuration/roles.sql"),
            ],
            swiftSettings: strict),
        .executableTarget(  // arguments, signals, wiring
            name: "pointsman",
            dependencies: [
                "Proxy", "Probing", "Settings", "SQL", "Routing", "Pooling", "Authentication", "Sessions", "Telemetry",
                "Wire", "Lookups", "OpenSSL", "Passwords", "PostgresCluster", "Reactor", "Locks", "Endpoints", "Discovery",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict, linkerSettings: instrumentation),

        // C headers, imported by exactly one module each.
        .target(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLDAP", providers: [.apt(["libldap-dev"])]),
        .systemLibrary(name: "CPAM", providers: [.apt(["libpam0g-dev"])]),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

        // The tests: one target for each module, and those that need running servers.
        .target(
            name: "TestSupport", dependencies: ["PostgresCluster"], path: "Tests/Support",
            exclude: ["SQLCorpus", "generate-builtin-functions"], swiftSettings: strict),
        .target(name: "SQLCorpus", dependencies: ["SQL"], path: "Tests/Support/SQLCorpus", swiftSettings: strict),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
        .testTarget(name: "SQLTests", dependencies: ["SQL", "SQLCorpus"], swiftSettings: strict),
        .testTarget(name: "RoutingTests", dependencies: ["Routing", "SQL"], swiftSettings: strict),
        .testTarget(name: "PoolingTests", dependencies: ["Pooling"], swiftSettings: strict),
        .testTarget(
            name: "AuthenticationTests", dependencies: ["Authentication", "OpenSSL", "Wire"], swiftSettings: strict),
        .testTarget(
            name: "SessionsTests", dependencies: ["Sessions", "Wire", "SQL", "Routing", "Authentication"],
            swiftSettings: strict),
        .testTarget(name: "AdminTests", dependencies: ["Admin", "Wire"], swiftSettings: strict),
        .testTarget(name: "LocksTests", dependencies: ["Locks"], swiftSettings: strict),
        .testTarget(
            name: "OpenSSLTests", dependencies: ["OpenSSL", "TestSupport"],
            swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
        .testTarget(name: "ReactorTests", dependencies: ["Reactor", "PostgresCluster"], swiftSettings: strict),
        .testTarget(
            name: "ProbingTests",
            dependencies: ["Probing", "Routing", "SQL", "SQLCorpus", "PostgresCluster", "Locks"],
            swiftSettings: strict),
        .testTarget(
            name: "PasswordsTests", dependencies: ["Passwords", "Authentication", "Locks", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ProxyTests", dependencies: ["Proxy", "OpenSSL", "Reactor", "Routing", "SQL", "Sessions"],
            swiftSettings: strict),
        .testTarget(name: "EndpointsTests", dependencies: ["Endpoints", "Routing"], swiftSettings: strict),
        .testTarget(name: "DiscoveryTests", dependencies: ["Discovery", "Locks", "Probing"], swiftSettings: strict),
        .testTarget(name: "LookupsTests", dependencies: ["Lookups", "Locks"], swiftSettings: strict),
        .testTarget(
            name: "TelemetryTests", dependencies: ["Telemetry", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .testTarget(
            name: "SettingsTests",
            dependencies: [
                "Settings", "Proxy", "Routing", "Pooling", "Authentication", "Probing", "Discovery", "Telemetry",
            ],
            swiftSettings: strict),
        .testTarget(name: "CommandLineTests", dependencies: ["pointsman", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PostgresClusterTests", dependencies: ["PostgresCluster", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport", "PostgresCluster"], swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests", dependencies: ["SQL", "SQLCorpus", "PostgresCluster", "TestSupport", "Locks"],
            exclude: ["clients"], swiftSettings: strict),

        // Costs of the single steps of a query: make microbench.
        .target(name: "CMeasuring", path: "Tests/Benchmarks/Measuring"),
        .executableTarget(
            name: "microbench", dependencies: ["Wire", "SQL", "Routing", "Pooling", "Sessions", "CMeasuring"],
            path: "Tests/Benchmarks/Micro", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
