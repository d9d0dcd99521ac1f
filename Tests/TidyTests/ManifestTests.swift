// Does Package.swift tell the same story as the architecture?

import TestSupport
import Testing

@Suite struct ManifestTests {
    /// A target with the modules of ours that it names as dependencies.
    private struct Target {
        var name: String
        var dependencies: Set<String>
        var text: String
    }

    private let targets: [Target]

    init() throws {
        let text = try Repository.text("Package.swift")
        let parts = text.split(separator: /\.(target|executableTarget|systemLibrary|testTarget)\(/).dropFirst()
        targets = parts.map { part in
            let names = part.matches(of: /"([^"]*)"/).map { String($0.1) }
            let list = part.firstMatch(of: /dependencies: \[((?s).*?)\]/).map { String($0.1) } ?? ""
            let ownNames = list.replacing(/\.product\([^)]*\)/, with: "").matches(of: /"([^"]*)"/).map { String($0.1) }
            return Target(name: names.first ?? "", dependencies: Set(ownNames), text: String(part))
        }
    }

    @Test func targetsStandInReadingOrder() {
        let order = ImportTests.allowed.map(\.module)
        let found = targets.map(\.name).filter(order.contains)
        #expect(found == order.filter(found.contains))
    }

    @Test func everyFolderIsATarget() {
        let names = targets.map(\.name)
        for folder in SourceTree.folders(under: "Sources") { #expect(names.contains(folder)) }
        for folder in SourceTree.folders(under: "Tests") where folder.hasSuffix("Tests") {
            #expect(names.contains(folder))
        }
    }

    @Test func dependenciesAreAllowedImports() {
        for (module, imports) in ImportTests.allowed {
            guard let target = targets.first(where: { $0.name == module }) else { continue }
            #expect(target.dependencies.isSubset(of: imports), "\(module)")
        }
    }

    /// Every module of ours and every test is built under the strict settings.
    @Test func settingsAreStrict() throws {
        let headers: Set<String> = ["CLinux", "COpenSSL", "CCurl", "CLDAP", "CPAM", "CLibpq", "CMeasuring"]
        for target in targets where !headers.contains(target.name) {
            #expect(target.text.contains("swiftSettings: strict"), "\(target.name)")
        }
        let text = try Repository.text("Package.swift")
        #expect(text.contains(".treatAllWarnings(as: .error)") && text.contains(".strictMemorySafety()"))
    }

    /// `Proxy` and the program are what the integration tests run.
    @Test func everyModuleHasTests() {
        let names = Set(targets.map(\.name))
        let withoutOwn: Set<String> = ["Proxy", "pointsman", "CLinux", "COpenSSL", "CCurl", "CLDAP", "CPAM", "CLibpq"]
        for (module, _) in ImportTests.allowed where !withoutOwn.contains(module) && names.contains(module) {
            #expect(names.contains(module + "Tests"), "\(module) has no test target")
        }
    }
}
