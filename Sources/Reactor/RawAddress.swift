// How does an address look to the kernel?
import CLinux
import Glibc

/// A sockaddr of any family, with its length.
struct RawAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Bytes a socket path may have; the kernel's field holds one more for a NUL.
    static let pathLimit = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// Room for an answer of the kernel.
    init() {}

    init(_ address: SocketAddress) {
        switch address.family {
        case .ipv4:
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = address.port.bigEndian
            raw.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            store(raw)
        case .ipv6:
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = address.port.bigEndian
            raw.sin6_scope_id = address.scope
            // Both are 16 bytes of plain numbers.
            raw.sin6_addr = unsafe unsafeBitCast((address.high.bigEndian, address.low.bigEndian), to: in6_addr.self)
            store(raw)
        }
    }

    /// A socket file; nil when the path is empty, too long or contains a NUL.
    init?(path: String) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= RawAddress.pathLimit, !bytes.contains(0) else { return nil }
        var raw = sockaddr_un()
        raw.sun_family = sa_family_t(AF_UNIX)
        // `raw` owns the field and lives through the block; the length was checked, the rest stays NUL.
        unsafe withUnsafeMutableBytes(of: &raw.sun_path) { field in
            unsafe field.copyBytes(from: bytes)
        }
        store(raw)
    }

    /// A copy of an address that the C library owns; what is longer than any sockaddr is cut off.
    init(copying pointer: UnsafePointer<sockaddr>?, length: socklen_t) {
        let size = min(Int(length), MemoryLayout<sockaddr_storage>.size)
        // The caller vouches for `length` readable bytes during this call.
        unsafe withUnsafeMutableBytes(of: &storage) { field in
            unsafe field.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: pointer == nil ? 0 : size))
        }
        self.length = socklen_t(size)
    }

    /// The IP endpoint in it; nil for other families.
    var socketAddress: SocketAddress? {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let raw = load(sockaddr_in.self)
            return SocketAddress(ipv4: UInt32(bigEndian: raw.sin_addr.s_addr), port: UInt16(bigEndian: raw.sin_port))
        case AF_INET6:
            let raw = load(sockaddr_in6.self)
            // Both are 16 bytes of plain numbers.
            let (high, low) = unsafe unsafeBitCast(raw.sin6_addr, to: (UInt64, UInt64).self)
            return SocketAddress(
                ipv6: UInt64(bigEndian: high), UInt64(bigEndian: low), scope: raw.sin6_scope_id,
                port: UInt16(bigEndian: raw.sin6_port))
        default:  // whatever number the kernel writes there
            return nil
        }
    }

    /// The file of a unix socket; nil for other families and sockets without one.
    var path: String? {
        guard Int32(storage.ss_family) == AF_UNIX else { return nil }
        var raw = load(sockaddr_un.self)
        // `raw` owns the field, which ends with a zero byte or the whole of it.
        let bytes = unsafe withUnsafeBytes(of: &raw.sun_path) { unsafe Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Runs `body` with the pointer a system call wants; the pointer is valid within `body` alone.
    func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int) -> Int {
        // `storage` is as large and as aligned as any sockaddr, and lives through the block.
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    /// Runs `body` with pointers for the kernel to write an address and its length to; valid within `body` alone.
    mutating func withMutablePointer(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int
    ) -> Int {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // As above; the kernel writes at most `length` bytes.
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &length) }
        }
    }

    private mutating func store<Raw>(_ raw: Raw) {
        precondition(MemoryLayout<Raw>.size <= MemoryLayout<sockaddr_storage>.size, "no sockaddr is larger")
        // Both are owned, plain numbers, and large enough.
        unsafe withUnsafeMutableBytes(of: &storage) { field in
            unsafe withUnsafeBytes(of: raw) { unsafe field.copyMemory(from: $0) }
        }
        length = socklen_t(MemoryLayout<Raw>.size)
    }

    private func load<Raw>(_ type: Raw.Type) -> Raw {
        // `storage` is owned, aligned for and larger than any sockaddr of one family, which are plain numbers.
        unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: Raw.self) }
    }
}
