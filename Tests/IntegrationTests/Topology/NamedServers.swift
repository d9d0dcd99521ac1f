// How do servers of one machine get addresses of their own with one port, and names that a test can change?

import Foundation
import PostgresCluster
import TestSupport

/// HAProxy in front of servers, each on an address of its own, and a file of host names for nss_wrapper.
final class NamedServers {
    let port: Int
    private let process: Process
    private let directory: String

    private static let wrapper = "/usr/lib/\(architecture)-linux-gnu/libnss_wrapper.so"
    private static var architecture: String {
        #if arch(arm64)
            "aarch64"
        #else
            "x86_64"
        #endif
    }

    init(_ nodes: [PostgresNode]) throws {
        guard FileManager.default.isReadableFile(atPath: Self.wrapper),
            FileManager.default.isExecutableFile(atPath: "/usr/sbin/haproxy")
        else { throw SupportError("nss_wrapper or HAProxy is not installed; run: make deps") }
        let directory = "/tmp/pointsman-names-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        self.directory = directory
        let port = try LoopbackPort.free()
        self.port = port
        let lists = nodes.enumerated().map { place, node in
            "listen n\(place)\n  bind \(Self.address(place)):\(port)\n  server s \(node.address)\n"
        }
        let path = directory + "/addresses.cfg"
        let text = "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n"
        try Data((text + lists.joined()).utf8).write(to: URL(fileURLWithPath: path))
        process = ExternalProgram("/usr/sbin/haproxy", ["-db", "-f", path], workingDirectory: directory).process()
        try process.run()
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The address of the server in a place.
    static func address(_ place: Int) -> String { "127.0.0.\(place + 11)" }

    /// Gives names to places.
    func write(hosts: [(name: String, place: Int)]) throws {
        let lines = hosts.map { "\(Self.address($0.place)) \($0.name)\n" }.joined()
        try Data(lines.utf8).write(to: URL(fileURLWithPath: directory + "/hosts"), options: .atomic)
    }

    /// For a program that shall know the names.
    var environment: [String: String] { ["LD_PRELOAD": Self.wrapper, "NSS_WRAPPER_HOSTS": directory + "/hosts"] }
}
