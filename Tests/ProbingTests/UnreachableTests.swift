// Do nodes that hang, lie or do not exist harm anything but themselves?

import Foundation
import PostgresCluster
import Routing
import Testing

@testable import Probing

/// A port that somebody listens on. Connections are made by the kernel; what happens then is up to the test.
private final class Listener: Sendable {
    let descriptor: Int32
    let port: UInt16

    init() {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // A socket address of the family's own size, read by bind and written by getsockname.
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                _ = unsafe bind(descriptor, general, length)
                _ = unsafe getsockname(descriptor, general, &length)
            }
        }
        listen(descriptor, 64)
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// Takes connections, sends bytes and closes, until it is told to end by closing the listener.
    func serve(_ bytes: [UInt8]) {
        let descriptor = descriptor
        Thread.detachNewThread {
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                if !bytes.isEmpty {
                    _ = unsafe bytes.withUnsafeBytes { unsafe write(client, $0.baseAddress, $0.count) }
                }
                close(client)
            }
        }
    }

    func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

@Suite(.serialized) struct UnreachableTests {
    @Test func namesAndSilence() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let silent = Listener()
        let watch = try Watch([
            "localhost:\(cluster.primary.port)", "no-such-host.invalid:5432", "127.0.0.1:\(silent.port)",
            "\(cluster.directory):\(cluster.primary.port)",
        ])
        // The same server twice: the first is the primary, the other is fenced.
        try watch.wait("answers") { $0.nodes[0].isUp && $0.nodes[3].isUp }
        try watch.wait("a name without address") { $0.nodes[1].ineligibleReason == .failed(.nameNotResolved) }
        try watch.wait("silence") { $0.nodes[2].ineligibleReason == .failed(.timedOut) }
        #expect(watch.topology.primary == NodeID(1))
        let sample = watch.samples.started
        try watch.wait("the others to go on", limit: .seconds(3)) { _ in watch.samples.started > sample + 20 }
        #expect(watch.texts.contains { $0.contains("no-such-host.invalid") })
    }

    @Test(
        arguments: [[], [0x53], [0x52, 0, 0, 0, 8, 0, 0, 0, 99], Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)]
            as [[UInt8]])
    func liars(bytes: [UInt8]) throws {
        let liar = Listener()
        liar.serve(bytes)
        defer { liar.end() }
        let watch = try Watch(["127.0.0.1:\(liar.port)"])
        try watch.wait("a failure") { if case .failed = $0.nodes[0].ineligibleReason { true } else { false } }
        let publications = watch.publications
        try watch.wait("more attempts") { _ in watch.publications > publications + 3 }
        #expect(!watch.node(1).isUp)
    }

    @Test func refusedAddresses() {
        #expect(throws: ProberError.badAddress("h:x")) { try Watch(["127.0.0.1:1", "h:x"]) }
    }

    @Test func nothingIsLeftBehind() throws {
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }
        let liar = Listener()
        liar.serve([])
        defer { liar.end() }
        func once() throws {
            let watch = try Watch(["127.0.0.1:\(liar.port)", "localhost:1"]) { $0.interval = .milliseconds(20) }
            let publications = watch.publications
            try watch.wait("many attempts") { _ in watch.publications > publications + 40 }
            watch.prober.stop()
            watch.prober.stop()
        }
        try once()
        let before = try descriptors()
        for _ in 1...3 { try once() }
        // More than a hundred attempts; other tests of this process hold some descriptors meanwhile.
        #expect(try descriptors() <= before + 40)
    }
}
