// Which TCP port of the loopback address can a server of ours listen on?

import Foundation
import Synchronization

/// Free ports, never handed out twice in a process and never from the range that the kernel gives to outgoing
/// connections, so that nobody takes the port between the choice and the listening.
public enum LoopbackPort {
    private static let handedOut = Mutex<Set<Int>>([])
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

    /// The local ports of all TCP sockets, whatever their state.
    static func portsInUse() -> Set<Int> {
        var ports: Set<Int> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            guard let text = try? String(contentsOfFile: table, encoding: .utf8) else { continue }
            ports.formUnion(localPorts(inTable: text))
        }
        return ports
    }

    /// Reads the second column (`address:port`, hexadecimal) of the kernel's socket table.
    static func localPorts(inTable text: String) -> Set<Int> {
        var ports: Set<Int> = []
        for line in text.split(separator: "\n").dropFirst() {
            let columns = line.split(separator: " ", maxSplits: 2)
            guard columns.count == 3, let colon = columns[1].lastIndex(of: ":") else { continue }
            if let port = Int(columns[1][columns[1].index(after: colon)...], radix: 16) { ports.insert(port) }
        }
        return ports
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
