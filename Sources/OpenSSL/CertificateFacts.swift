// Whose certificate is it?

internal import COpenSSL

/// What a certificate says of its owner.
public struct CertificateFacts: Equatable, Sendable {
    /// The common name (CN); nil: it has none, or one with a zero byte in it.
    public let commonName: String?
    /// The subject's distinguished name, as RFC 2253 writes it.
    public let distinguishedName: String

    init(_ certificate: OpaquePointer) {
        let subject = unsafe X509_get_subject_name(certificate)
        var name = [CChar](repeating: 0, count: 1024)
        let length = unsafe Int(X509_NAME_get_text_by_NID(subject, NID_commonName, &name, Int32(name.count)))
        let bytes = name.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
        // A zero byte would end the name early for others (CVE-2009-4034).
        commonName = length > 0 && !bytes.contains(0) ? String(decoding: bytes, as: UTF8.self) : nil
        distinguishedName = unsafe Self.text(of: subject)
    }

    private static func text(of subject: OpaquePointer?) -> String {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(memory) }
        guard unsafe pointsman_print_name(memory, subject) >= 0 else { return "" }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 512)
        while true {
            let count = unsafe Int(BIO_read(memory, &part, Int32(part.count)))
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text.append(contentsOf: part.prefix(count))
        }
    }

    /// The digest of a certificate by which it is named in RFC 5929's tls-server-end-point.
    static func endPoint(_ certificate: OpaquePointer) -> [UInt8]? {
        var name = NID_undef
        guard unsafe X509_get_signature_info(certificate, &name, nil, nil, nil) == 1, name != NID_undef else {
            return nil
        }
        // Digests that are broken are replaced.
        let digest = unsafe name == NID_md5 || name == NID_sha1 ? EVP_sha256() : EVP_get_digestbyname(OBJ_nid2sn(name))
        guard let digest = unsafe digest else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard unsafe X509_digest(certificate, digest, &bytes, &count) == 1 else { return nil }
        return Array(bytes.prefix(Int(count)))
    }
}
