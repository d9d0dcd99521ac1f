// Which addresses has a host name? Asked of the system's resolver, in blocking fashion: never on a worker.

/// The system's name resolution.
public enum NameLookup {
    /// Why a name has no addresses.
    public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        public let name: String
        /// The resolver's own words.
        public let reason: String
        /// Whether asking again later may help.
        public let isTemporary: Bool

        public var description: String { "cannot resolve \"\(name)\": \(reason)" }
    }

    /// The numeric addresses (with port 0) of a host name or numeric address, in the order in which to try them.
    /// Blocks the calling thread, for seconds if the name server is silent.
    public static func addresses(of name: String) -> Result<[SocketAddress], Failure> {
        SystemCalls.lookUp(name)
    }
}
