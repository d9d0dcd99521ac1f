// What does the service manager that started this process want to hear, and which sockets has it opened for it?
import CLinux
import Glibc

/// The ways in which systemd and its kin speak with a service (sd_notify(3), sd_listen_fds(3)).
public enum ServiceSupervisor {
    /// What a process tells of itself.
    public enum News: Sendable {
        case ready
        case reloading
        case stopping
        case status(String)

        var lines: String {
            switch self {
            case .ready: "READY=1"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(SystemCalls.monotonicNanoseconds() / 1000)"
            case .stopping: "STOPPING=1"
            case .status(let text): "STATUS=\(text)"
            }
        }
    }

    /// Tells the service manager, if there is one.
    public static func notify(_ news: News) {
        guard let path = environment("NOTIFY_SOCKET"), path.utf8.count > 1 else { return }
        SystemCalls.sendDatagram(Array(news.lines.utf8), toSocket: path)
    }

    /// The listening sockets that the service manager has opened, once; none if it has not.
    public static func takeListeners() -> [Listener] {
        guard environment("LISTEN_PID") == "\(getpid())", let count = environment("LISTEN_FDS").flatMap({ Int($0) })
        else { return [] }
        // Programs that this one starts must not believe that they are meant.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { _ = unsafe unsetenv(name) }
        // The first one follows the three standard descriptors.
        return (3..<3 + max(0, min(count, 64))).compactMap { Listener(inherited: Descriptor(rawValue: Int32($0))) }
    }

    private static func environment(_ name: String) -> String? {
        // The C library's text lives until the environment changes, which only `takeListeners` does.
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }
}

extension Listener {
    /// A listening stream socket that somebody else has opened; nil: it is none.
    convenience init?(inherited descriptor: Descriptor) {
        var address = RawAddress()
        guard SystemCalls.localAddress(descriptor, &address).failure == nil,
            SystemCalls.option(descriptor, level: Int(SOL_SOCKET), SO_ACCEPTCONN).raw == 1,
            SystemCalls.makeNonblocking(descriptor)
        else { return nil }
        if let place = address.socketAddress {
            self.init(descriptor: descriptor, place: .tcp(place))
        } else if let path = address.path {
            self.init(descriptor: descriptor, place: .unix(path: path))
        } else {
            return nil
        }
    }
}

/// The user that a process runs as.
public enum ProcessUser {
    public static var isRoot: Bool { geteuid() == 0 }

    /// Becomes another user, for good, with its groups; the sentence says why that failed.
    public static func become(_ name: String) -> String? { SystemCalls.becomeUser(name) }
}
