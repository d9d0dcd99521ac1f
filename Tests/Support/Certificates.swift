// With which certificates does a test speak TLS?

import Foundation
import PostgresCluster

/// An authority and certificates of it, made by the `openssl` program in a directory of their own.
public final class Certificates: Sendable {
    public let directory: String
    private let keeper: ProcessKeeper

    private static let shared = Result { try Certificates() }

    /// `ca.crt`; `server`, in the name of localhost and 127.0.0.1; `elsewhere`, in the name of another host; `app`, in
    /// the name of that user; and `stranger.crt`, another authority. A key stands beside each, its ending `.key`.
    public static func get() throws -> Certificates { try shared.get() }

    private init() throws {
        directory = "/tmp/pointsman-certificates-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        keeper = try ProcessKeeper(directory: directory)
        try makeAuthority("ca")
        try makeAuthority("stranger")
        try issue("server", commonName: "localhost", names: "DNS:localhost,IP:127.0.0.1")
        try issue("elsewhere", commonName: "db.example", names: "DNS:db.example")
        try issue("app", commonName: "app", names: "DNS:app")
    }

    public func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// The content of a file.
    public func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    private func makeAuthority(_ name: String) throws {
        try openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=\(name)", "-keyout",
            "\(name).key", "-out", "\(name).crt")
    }

    /// Makes a certificate of the authority.
    public func issue(_ name: String, commonName: String, names: String) throws {
        try openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(commonName)", "-keyout", "\(name).key", "-out",
            "\(name).csr")
        try "subjectAltName=\(names)\n".write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl(
            "x509", "-req", "-in", "\(name).csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            "30", "-extfile", "\(name).ext", "-out", "\(name).crt")
    }

    private func openssl(_ arguments: String...) throws {
        try ExternalProgram("/usr/bin/openssl", arguments, workingDirectory: directory).succeed(limit: .seconds(60))
    }
}
