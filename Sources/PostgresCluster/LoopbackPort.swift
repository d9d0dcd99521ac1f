// Which TCP port of the loopback address can a server of ours listen on?

import Foundation
import Locks

/// Free ports, never handed out twice in a process and never from the range that the kernel gives to outgoing
/// connections, so that nobody takes the port between the choice and the listening.
public enum LoopbackPort {
    private static let handedOut = Lock<Set<Int>>([])
    private static let attempts = 1000

    /// Returns a port on which nothing listens or is connected now.
    public static func free() throws(ClusterError) -> Int {
        let used = portsInUse()
        let outgoing = outgoingRange()
        for _ in 0..<attempts {
            let port = Int.random(in: 10_000..<60_000)
            guard !outgoing.contains(port), !used.contains(port) else { continue }
            if handedOut.withLock({ $0.insert(port).inserted }) { return port }
        }
        throw .noFreePort
    }

    /// The ports on which some process of this machine listens.
    public static func listening() -> Set<Int> {
        Set(sockets().filter { $0.state == listen }.map(\.port))
    }

    /// The local ports of all TCP sockets, whatever their state.
    static func portsInUse() -> Set<Int> {
        Set(sockets().map(\.port))
    }

    struct LocalSocket: Hashable {
        var port: Int
        var state: Int
    }

    /// The kernel's number for a socket that takes connections.
    private static let listen = 10

    private static func sockets() -> [LocalSocket] {
        ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { table in
            (try? String(contentsOfFile: table, encoding: .utf8)).map(parseSockets) ?? []
        }
    }

    /// Reads the second column (`address:port`) and the fourth (state) of the kernel's table, both hexadecimal.
    static func parseSockets(_ table: String) -> [LocalSocket] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ", maxSplits: 4)
            guard columns.count >= 4, let colon = columns[1].lastIndex(of: ":"),
                let port = Int(columns[1][columns[1].index(after: colon)...], radix: 16),
                let state = Int(columns[3], radix: 16)
            else { return nil }
            return LocalSocket(port: port, state: state)
        }
    }

    private static func outgoingRange() -> ClosedRange<Int> {
        let path = "/proc/sys/net/ipv4/ip_local_port_range"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let bounds = text.split { $0 == "\t" || $0 == " " || $0 == "\n" }.compactMap { Int($0) }
        // A machine may give nearly all ports to outgoing connections; then the range cannot be avoided.
        guard bounds.count == 2, bounds[0] > 12_000, bounds[0] <= bounds[1] else { return 32_768...60_999 }
        return bounds[0]...bounds[1]
    }
}
