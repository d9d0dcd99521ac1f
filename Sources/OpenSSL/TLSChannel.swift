// What do the encrypted bytes of one connection say, and how are bytes encrypted for it?

internal import COpenSSL

/// TLS on one connection: bytes in, bytes out; whoever owns the socket moves them. Belongs to one thread at a time.
@safe public final class TLSChannel: @unchecked Sendable {
    /// What came of received bytes.
    public enum Opened: Equatable, Sendable {
        /// So many bytes in the clear, none perhaps.
        case bytes(Int)
        /// The peer has said that nothing more will come.
        case closed
        /// The connection is of no use any more; the sentence says why.
        case failed(String)
    }

    /// Between libssl and the caller, for the time of a call.
    @unsafe struct Pipe {
        /// Received and not used; owned by the caller.
        var input: UnsafePointer<UInt8>?
        var available = 0
        /// To be sent.
        var output: [UInt8] = []
    }

    /// Most that one record adds to what is received with it.
    public static let largestRecord = 16 << 10

    private let ssl: OpaquePointer
    private let pipe: UnsafeMutablePointer<Pipe>
    private let side: TLSContext.Side
    /// The handshake is over.
    public private(set) var isEstablished = false
    private var hasFailed = false

    /// - Parameters:
    ///   - name: of the server that is connected to: a host name or a numeric address.
    ///   - checksName: The server's certificate must bear the name.
    public init(_ context: TLSContext, name: String? = nil, checksName: Bool = false) {
        side = context.side
        guard let ssl = unsafe SSL_new(context.pointer), let bio = unsafe BIO_new(pipeMethod) else {
            fatalError("libssl gives no connection: out of memory?")
        }
        unsafe self.ssl = ssl
        unsafe pipe = .allocate(capacity: 1)
        unsafe pipe.initialize(to: Pipe())
        unsafe BIO_set_data(bio, pipe)
        // The connection owns the one reference, which serves both directions.
        unsafe SSL_set_bio(ssl, bio, bio)
        if side == .server {
            unsafe SSL_set_accept_state(ssl)
        } else {
            unsafe SSL_set_connect_state(ssl)
            if let name { expect(name, checksName: checksName) }
        }
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe pipe.deinitialize(count: 1)
        unsafe pipe.deallocate()
    }

    private func expect(_ name: String, checksName: Bool) {
        let parameters = unsafe SSL_get0_param(ssl)
        let isAddress = unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
        if isAddress {
            if !checksName { _ = unsafe X509_VERIFY_PARAM_set1_ip(parameters, nil, 0) }
            return
        }
        _ = unsafe pointsman_set_server_name(ssl, name)
        if checksName {
            unsafe X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            _ = unsafe SSL_set1_host(ssl, name)
        }
    }

    // MARK: Bytes

    /// Begins the handshake, on the side that begins it: `takeOutput` has what must be sent.
    public func start() {
        var none = MutableSpan<UInt8>()
        _ = open(Span(), into: &none)
    }

    /// Takes all of the received bytes and writes what they say into the room; `takeOutput` has what must be sent then.
    ///
    /// - Parameter room: for as many bytes as are received, and one record more.
    public func open(_ received: Span<UInt8>, into room: inout MutableSpan<UInt8>) -> Opened {
        if hasFailed { return .failed("the connection has failed before") }
        // Span and room are the caller's for the time of the call; the pipe forgets the span before it ends.
        return unsafe received.withUnsafeBufferPointer { source in
            unsafe pipe.pointee.input = source.baseAddress
            unsafe pipe.pointee.available = source.count
            defer {
                unsafe pipe.pointee.input = nil
                unsafe pipe.pointee.available = 0
            }
            return unsafe room.withUnsafeMutableBufferPointer { target in unsafe read(into: target) }
        }
    }

    /// What must be sent; once.
    public func takeOutput() -> [UInt8] {
        var output: [UInt8] = []
        unsafe swap(&pipe.pointee.output, &output)
        return output
    }

    private func read(into room: UnsafeMutableBufferPointer<UInt8>) -> Opened {
        ERR_clear_error()
        if !isEstablished {
            let outcome = unsafe SSL_do_handshake(ssl)
            guard outcome == 1 else { return failure(outcome) ?? .bytes(0) }
            isEstablished = true
        }
        var count = 0
        while let start = room.baseAddress, count < room.count {
            var read = 0
            let outcome = unsafe SSL_read_ex(ssl, start + count, room.count - count, &read)
            guard outcome == 1 else {
                guard let failure = failure(outcome) else { return .bytes(count) }
                // What came before the end is told first; the end is told again by the next call.
                return count > 0 && failure == .closed ? .bytes(count) : failure
            }
            count += read
        }
        let isDrained = unsafe pipe.pointee.available == 0 && (unsafe SSL_pending(ssl)) == 0
        return isDrained ? .bytes(count) : fail("there was no room for what was received")
    }

    /// nil: more bytes are needed.
    private func failure(_ outcome: Int32) -> Opened? {
        switch unsafe SSL_get_error(ssl, outcome) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return nil
        case SSL_ERROR_ZERO_RETURN: return .closed
        default: break
        }
        let verdict = unsafe SSL_get_verify_result(ssl)
        if !isEstablished, verdict != Int(X509_V_OK) {
            _ = TLSContext.reason()
            let reason = unsafe String(cString: X509_verify_cert_error_string(verdict))
            return fail("the certificate is not accepted: \(reason)")
        }
        return fail(TLSContext.reason())
    }

    private func fail(_ reason: String) -> Opened {
        hasFailed = true
        return .failed(reason)
    }

    /// The bytes encrypted, behind what else must be sent; nil: the connection is of no use any more.
    public func seal(_ bytes: Span<UInt8>) -> [UInt8]? {
        guard isEstablished, !hasFailed else { return nil }
        if bytes.isEmpty { return takeOutput() }
        ERR_clear_error()
        let records = bytes.count / Self.largestRecord + 1
        unsafe pipe.pointee.output.reserveCapacity(bytes.count + records * 64)
        var written = 0
        // The span's owner keeps the bytes during the call.
        let outcome = unsafe bytes.withUnsafeBytes { unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &written) }
        // The pipe takes everything.
        if outcome == 1, written == bytes.count { return takeOutput() }
        hasFailed = true
        return nil
    }

    /// The word that nothing more will be sent, to be sent.
    public func close() -> [UInt8] {
        guard isEstablished, !hasFailed else { return [] }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
        return takeOutput()
    }

    // MARK: Facts

    /// "TLSv1.3", after the handshake.
    public var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    /// OpenSSL's name of the cipher, after the handshake.
    public var cipher: String { unsafe String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))) }

    /// Both sides have agreed on PostgreSQL's protocol by its name.
    public var hasAgreedOnProtocol: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        return unsafe UnsafeBufferPointer(start: name, count: Int(length)).elementsEqual(tlsProtocol)
    }

    /// The peer's certificate, which was found good; nil: it has shown none, or nobody asked.
    public var peerCertificate: CertificateFacts? {
        guard unsafe SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE, unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK),
            let certificate = unsafe pointsman_peer_certificate(ssl)
        else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe CertificateFacts(certificate)
    }

    /// What binds a SCRAM exchange to this connection: the digest of the server's certificate (RFC 5929,
    /// tls-server-end-point); nil where the certificate's signature names no digest.
    public var serverEndPoint: [UInt8]? {
        if side == .server { return unsafe SSL_get_certificate(ssl).flatMap { unsafe CertificateFacts.endPoint($0) } }
        guard let certificate = unsafe pointsman_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe CertificateFacts.endPoint(certificate)
    }
}

/// How libssl reads and writes: from and to the pipe of the connection. Never freed.
nonisolated(unsafe) private let pipeMethod: OpaquePointer? = {
    let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pointsman")
    _ = unsafe BIO_meth_set_read_ex(method) { bio, target, room, count in
        guard let pipe = unsafe BIO_get_data(bio)?.assumingMemoryBound(to: TLSChannel.Pipe.self),
            let source = unsafe pipe.pointee.input, let target = unsafe target, unsafe pipe.pointee.available > 0
        else {
            unsafe pointsman_want_more(bio)
            return 0
        }
        let size = unsafe min(room, pipe.pointee.available)
        unsafe UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: size)
        unsafe pipe.pointee.input = source + size
        unsafe pipe.pointee.available -= size
        unsafe count?.pointee = size
        unsafe pointsman_got_some(bio)
        return 1
    }
    _ = unsafe BIO_meth_set_write_ex(method) { bio, source, size, count in
        guard let pipe = unsafe BIO_get_data(bio)?.assumingMemoryBound(to: TLSChannel.Pipe.self),
            let source = unsafe source
        else { return 0 }
        let bytes = unsafe UnsafeRawBufferPointer(start: source, count: size)
        unsafe pipe.pointee.output.append(contentsOf: bytes)
        unsafe count?.pointee = size
        unsafe pointsman_got_some(bio)
        return 1
    }
    _ = unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    _ = unsafe BIO_meth_set_create(method) { bio in
        unsafe BIO_set_init(bio, 1)
        return 1
    }
    return unsafe method
}()
