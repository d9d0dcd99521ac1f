// With which keys, versions and trust does one side speak TLS?

internal import COpenSSL
internal import Glibc

/// What one side of TLS connections is told; paths are those of PEM files.
public struct TLSSettings: Equatable, Sendable {
    /// Whose certificates are taken.
    public enum Verification: Equatable, Sendable {
        /// Anyone's, and none is asked for.
        case none
        /// A certificate that is shown must be good.
        case optional
        /// There must be a good one.
        case required
    }

    public enum Version: String, Equatable, Sendable, CaseIterable {
        case v1_2 = "1.2"
        case v1_3 = "1.3"
    }

    /// A chain, its owner's certificate first.
    public var certificate: String?
    public var key: String?
    /// Certificates of the authorities that are trusted; `system`: those that the operating system trusts.
    public var authorities: String?
    public var verification = Verification.none
    public var minimumVersion = Version.v1_2
    /// For TLS 1.2, in OpenSSL's syntax; nil: OpenSSL's own choice.
    public var ciphers: String?
    /// For TLS 1.3, in OpenSSL's syntax; nil: OpenSSL's own choice.
    public var cipherSuites: String?

    public init() {}

    public static let systemAuthorities = "system"
}

/// Why TLS cannot be spoken as the settings say: a sentence without capital and full stop.
public struct TLSMistake: Error, Equatable, Sendable, CustomStringConvertible {
    /// Which of the settings is to blame.
    public enum Setting: Sendable {
        case certificate, key, authorities, ciphers, cipherSuites
    }

    public let setting: Setting
    public let description: String

    init(_ setting: Setting, _ description: String) {
        self.setting = setting
        self.description = description
    }
}

/// The settings, read and checked, for any number of connections on one side.
@safe public final class TLSContext: @unchecked Sendable {
    public enum Side: Sendable {
        /// Who is connected to.
        case server
        case client
    }

    // Never changed after the initialiser; libssl counts its own references atomically.
    let pointer: OpaquePointer
    let side: Side

    /// Reads the files that the settings name.
    public init(_ settings: TLSSettings, side: Side) throws(TLSMistake) {
        self.side = side
        ERR_clear_error()
        let made = unsafe SSL_CTX_new(side == .server ? TLS_server_method() : TLS_client_method())
        guard let made = unsafe made else { fatalError("libssl gives no context: out of memory?") }
        unsafe pointer = made
        unsafe pointsman_set_min_version(made, settings.minimumVersion == .v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION)
        // As in PostgreSQL: no renegotiation, no compression, no resumed sessions.
        _ = unsafe SSL_CTX_set_options(made, pointsman_options())
        unsafe pointsman_disable_sessions(made)
        _ = unsafe SSL_CTX_set_num_tickets(made, 0)
        unsafe pointsman_release_buffers(made)
        // A key under a passphrase must not make the process ask for it.
        unsafe SSL_CTX_set_default_passwd_cb(made) { _, _, _, _ in 0 }
        try use(settings)
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    private func use(_ settings: TLSSettings) throws(TLSMistake) {
        if let ciphers = settings.ciphers, unsafe SSL_CTX_set_cipher_list(pointer, ciphers) != 1 {
            throw TLSMistake(.ciphers, "OpenSSL knows no cipher in \"\(ciphers)\"")
        }
        if let suites = settings.cipherSuites, unsafe SSL_CTX_set_ciphersuites(pointer, suites) != 1 {
            throw TLSMistake(.cipherSuites, "OpenSSL knows no such list of cipher suites: \"\(suites)\"")
        }
        if let certificate = settings.certificate {
            if unsafe SSL_CTX_use_certificate_chain_file(pointer, certificate) != 1 {
                throw TLSMistake(.certificate, "\(certificate) is no certificate that can be used: \(Self.reason())")
            }
            let key = settings.key ?? certificate
            if let objection = Self.objection(toKeyFile: key) { throw TLSMistake(.key, objection) }
            if unsafe SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) != 1 {
                throw TLSMistake(.key, "\(key) is no private key that can be used: \(Self.reason())")
            }
            if unsafe SSL_CTX_check_private_key(pointer) != 1 {
                throw TLSMistake(.key, "\(key) is not the key of \(certificate)")
            }
        }
        try trust(settings)
        if side == .server {
            unsafe SSL_CTX_set_alpn_select_cb(pointer, chooseProtocol, nil)
        } else {
            // One name, its length before it.
            let offer = [UInt8(tlsProtocol.count)] + tlsProtocol
            _ = unsafe SSL_CTX_set_alpn_protos(pointer, offer, UInt32(offer.count))
        }
    }

    private func trust(_ settings: TLSSettings) throws(TLSMistake) {
        if let file = settings.authorities {
            if file == TLSSettings.systemAuthorities {
                _ = unsafe SSL_CTX_set_default_verify_paths(pointer)
            } else {
                if unsafe SSL_CTX_load_verify_locations(pointer, file, nil) != 1 {
                    throw TLSMistake(.authorities, "\(file) holds no certificates of authorities: \(Self.reason())")
                }
                if side == .server, let names = unsafe SSL_load_client_CA_file(file) {
                    // The context owns the list from here on.
                    unsafe SSL_CTX_set_client_CA_list(pointer, names)
                }
            }
        }
        let mode: Int32 =
            switch settings.verification {
            case .none: SSL_VERIFY_NONE
            case .optional: SSL_VERIFY_PEER
            case .required: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            }
        unsafe SSL_CTX_set_verify(pointer, mode, nil)
    }

    /// A private key that others can read is none.
    private static func objection(toKeyFile path: String) -> String? {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else {
            return "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))"
        }
        let forbidden = facts.st_uid == 0 ? mode_t(0o027) : mode_t(0o077)
        guard facts.st_mode & forbidden == 0 else {
            return "\(path) can be read by others: its mode must be 0600 or less, or 0640 if root owns it"
        }
        return nil
    }

    /// The first thing that libssl has said on this thread since it was cleared, which is the cause of the others; and
    /// forgets them.
    static func reason() -> String {
        let cause = ERR_get_error()
        ERR_clear_error()
        guard cause != 0 else { return "no reason given" }
        // Errors of the system have a bit of their own, and its number below.
        if cause & 0x8000_0000 != 0 { return unsafe String(cString: strerror(Int32(cause & 0x7fff_ffff))) }
        guard let text = unsafe ERR_reason_error_string(cause) else { return "OpenSSL error \(cause)" }
        return unsafe String(cString: text)
    }
}

/// What both sides call PostgreSQL's protocol (RFC 7301).
let tlsProtocol = Array("postgresql".utf8)

/// The one protocol that is spoken here, if the client offers it; otherwise the handshake fails.
private func chooseProtocol(
    _: OpaquePointer?, chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, length: UnsafeMutablePointer<UInt8>?,
    offered: UnsafePointer<UInt8>?, count: UInt32, _: UnsafeMutableRawPointer?
) -> Int32 {
    guard let chosen = unsafe chosen, let length = unsafe length, let offered = unsafe offered else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    // libssl has checked that the names and their lengths fill the list. The choice points into it, as it may.
    var place = 0
    while place < Int(count) {
        let size = unsafe Int(offered[place])
        let name = unsafe UnsafeBufferPointer(start: offered + place + 1, count: size)
        if unsafe name.elementsEqual(tlsProtocol) {
            unsafe chosen.pointee = name.baseAddress
            unsafe length.pointee = UInt8(size)
            return SSL_TLSEXT_ERR_OK
        }
        place += 1 + size
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
