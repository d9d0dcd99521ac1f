// Which connections are encrypted, with which certificates, and whose certificates are believed?

public import OpenSSL

/// Whether connections are encrypted; the names are those of libpq's `sslmode`.
public enum TransportSecurity: String, Sendable, CaseIterable {
    /// Never.
    case disable
    /// If the other side insists.
    case allow
    /// If the other side can.
    case prefer
    /// Always, with whomever.
    case require
    /// Always, with a certificate of an authority that is trusted.
    case verifyCA = "verify-ca"
    /// And towards servers in the name of the host that is connected to.
    case verifyFull = "verify-full"

    /// Nothing is sent in the clear.
    public var isRequired: Bool { self == .require || verifies }
    /// The other side must show a certificate that is believed.
    public var verifies: Bool { self == .verifyCA || self == .verifyFull }
}

/// The encryption of all connections on one side.
public struct TransportSettings: Equatable, Sendable {
    public var security: TransportSecurity
    /// Certificates, keys, versions; its `verification` follows from `security`.
    public var tls = TLSSettings()
    /// Towards servers: the handshake comes first, without being asked for (PostgreSQL 17 and later).
    public var isDirect = false

    public init(_ security: TransportSecurity) { self.security = security }

    /// What is made of it; nil where nothing is encrypted.
    public func context(_ side: TLSContext.Side) throws(TLSMistake) -> TLSContext? {
        if security == .disable { return nil }
        var tls = tls
        if security.verifies {
            tls.verification = .required
        } else if side == .server, tls.authorities != nil {
            tls.verification = .optional
        }
        return try TLSContext(tls, side: side)
    }
}
