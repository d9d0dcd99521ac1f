// Does each module import only what the architecture lets it see?

import Testing

@Suite struct ImportTests {
    /// Modules of ours, in the order in which a query meets them, with the modules of ours that each may import: the
    /// table of docs/ARCHITECTURE.md.
    static let allowed: [(module: String, imports: Set<String>)] = [
        ("Wire", []),
        ("SQL", []),
        ("Routing", ["SQL"]),
        ("Pooling", []),
        ("Authentication", ["Wire", "OpenSSL"]),
        ("Sessions", ["Wire", "SQL", "Routing", "Authentication"]),
        ("Admin", ["Wire"]),
        ("Locks", []),
        ("Reactor", ["CLinux", "Locks"]),
        ("OpenSSL", ["COpenSSL", "Locks"]),
        ("Probing", ["CCurl", "CLibpq", "Locks", "Routing", "SQL", "Telemetry"]),
        ("Discovery", ["Locks", "Probing", "Reactor"]),
        ("Lookups", ["Locks", "Reactor", "Telemetry"]),
        ("Passwords", ["Authentication", "CLDAP", "CPAM", "Locks", "Reactor"]),
        (
            "Proxy",
            [
                "Sessions", "Pooling", "Routing", "Wire", "SQL", "Admin", "Authentication", "OpenSSL", "Reactor",
                "Telemetry", "Lookups", "Locks",
            ]
        ),
        ("Endpoints", ["Routing"]),
        ("Telemetry", ["Locks"]),
        (
            "Settings",
            ["Proxy", "Routing", "Pooling", "Authentication", "OpenSSL", "Probing", "Discovery", "Telemetry"]
        ),
        ("PostgresCluster", ["Locks"]),
        (
            "pointsman",
            [
                "Proxy", "Probing", "Settings", "SQL", "Routing", "Pooling", "Authentication", "Sessions", "Telemetry",
                "Lookups", "Locks", "OpenSSL", "Passwords", "PostgresCluster", "Reactor", "Wire", "Endpoints",
                "Discovery",
            ]
        ),
        ("CLinux", []),
        ("COpenSSL", []),
        ("CCurl", []),
        ("CLDAP", []),
        ("CPAM", []),
        ("CLibpq", []),
    ]

    /// Libraries of others, each with the modules that may import it.
    static let libraries: [String: Set<String>] = [
        "TOMLKit": ["Settings"],
        "NIOCore": ["Endpoints"], "NIOHTTP1": ["Endpoints"], "NIOPosix": ["Endpoints"],
        "ArgumentParser": ["pointsman"],
        "Logging": ["Telemetry", "Proxy", "Probing", "Lookups", "pointsman"],
    ]

    /// Modules of pure values: no clock, no file, no socket, no thread.
    static let brain: Set<String> = ["Wire", "SQL", "Routing", "Pooling", "Authentication", "Sessions", "Admin"]
    private static let impure: Set<String> = [
        "Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization", "Observation",
    ]

    /// Files of the brain that import more, each explained in docs/decisions/0009-edges-of-the-brain.md.
    static let exceptions: [String: String] = [
        "Sources/Authentication/SASLPreparation.swift": "Foundation",
        "Sources/Routing/SampleCounter.swift": "Synchronization",
        "Sources/Sessions/Anchor.swift": "Synchronization",
    ]

    private static let ours = Set(allowed.map(\.module))

    @Test func everyModuleHasItsLine() {
        #expect(Set(SourceTree.folders(under: "Sources")).isSubset(of: Self.ours))
    }

    @Test(arguments: SourceTree.sources)
    func imports(_ file: SourceFile) throws {
        let line = try #require(Self.allowed.first { $0.module == file.module })
        for name in Self.importedModules(file) {
            if Self.ours.contains(name) {
                #expect(line.imports.contains(name), "\(file.module) may not import \(name)")
            } else if let users = Self.libraries[name] {
                #expect(users.contains(file.module), "\(file.module) may not import \(name)")
            } else if Self.brain.contains(file.module), Self.exceptions[file.path] != name {
                #expect(!Self.impure.contains(name), "\(file.module) is pure and may not import \(name)")
            }
        }
    }

    /// `public import struct Wire.Frame` → `Wire`.
    static func importedModules(_ file: SourceFile) -> [String] {
        file.code.compactMap { line in
            let words = line.split(separator: " ").drop { $0.hasPrefix("@") || accessLevels.contains($0) }
            guard words.first == "import" else { return nil }
            let path = words.dropFirst().drop { kinds.contains($0) }.first ?? ""
            return path.split(separator: ".").first.map(String.init)
        }
    }

    private static let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "typealias", "func", "let", "var",
    ]

    @Test(arguments: [
        ("import Wire", ["Wire"]), ("public import Wire", ["Wire"]), ("@testable import Wire", ["Wire"]),
        ("@preconcurrency private import struct Wire.Frame", ["Wire"]), ("// import Wire", []), ("importer()", []),
    ])
    func readsImports(_ line: String, _ modules: [String]) {
        #expect(Self.importedModules(SourceFile(path: "x.swift", text: line)) == modules)
    }
}
