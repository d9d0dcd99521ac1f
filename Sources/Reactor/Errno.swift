// Which error did the kernel give? Its number, as a value that reads as a sentence.
import Glibc

/// An error number of the kernel.
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The C library's sentence for it, such as "Connection refused".
    public var description: String {
        SystemCalls.sentence(rawValue)
    }

    public static let wouldBlock = Errno(rawValue: EAGAIN)
    public static let inProgress = Errno(rawValue: EINPROGRESS)
    public static let interrupted = Errno(rawValue: EINTR)
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    public static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    public static let connectionReset = Errno(rawValue: ECONNRESET)
    public static let connectionAborted = Errno(rawValue: ECONNABORTED)
    public static let brokenPipe = Errno(rawValue: EPIPE)
    public static let permissionDenied = Errno(rawValue: EACCES)
    public static let operationNotPermitted = Errno(rawValue: EPERM)
    public static let noSuchFile = Errno(rawValue: ENOENT)
    public static let timedOut = Errno(rawValue: ETIMEDOUT)
    public static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    public static let badDescriptor = Errno(rawValue: EBADF)
    /// The process has all the descriptors it may have.
    public static let processDescriptorLimit = Errno(rawValue: EMFILE)
    /// The machine has all the descriptors it may have.
    public static let systemDescriptorLimit = Errno(rawValue: ENFILE)
    public static let noBufferSpace = Errno(rawValue: ENOBUFS)
    public static let outOfMemory = Errno(rawValue: ENOMEM)
}
