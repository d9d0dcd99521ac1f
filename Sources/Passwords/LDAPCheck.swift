// Does a directory take a password?

import Authentication
import CLDAP

enum LDAPCheck {
    private static let milliseconds = 10_000

    static func verdict(_ settings: LDAPSettings, user: String, password: String) -> PasswordVerdict {
        var connection: OpaquePointer?
        let opened = unsafe pointsman_ldap_open(
            settings.url, settings.usesStartTLS ? 1 : 0, milliseconds, &connection)
        // Closed once, whatever came of it.
        defer { unsafe pointsman_ldap_close(connection) }
        guard opened == LDAP_SUCCESS else { return .failed(sentence(opened)) }
        let name: String
        if let base = settings.base {
            let bound = unsafe pointsman_ldap_bind(connection, settings.bindName, settings.bindPassword)
            guard bound == LDAP_SUCCESS else { return .failed("cannot look the user up: \(sentence(bound))") }
            var found: UnsafeMutablePointer<CChar>?
            var count: Int32 = 0
            let result = unsafe pointsman_ldap_find(connection, base, filter(settings, user), &found, &count)
            defer { unsafe ldap_memfree(found) }
            guard result == LDAP_SUCCESS else { return .failed("cannot look the user up: \(sentence(result))") }
            // Of two entries nobody knows which one is meant.
            guard count == 1, let found = unsafe found else { return .wrong }
            name = unsafe String(cString: found)
        } else {
            guard let escaped = escapedInName(user) else { return .wrong }
            name = settings.prefix + escaped + settings.suffix
        }
        let result = unsafe pointsman_ldap_bind(connection, name, password)
        switch result {
        case LDAP_SUCCESS: return .right
        case LDAP_INVALID_CREDENTIALS, LDAP_NO_SUCH_OBJECT, LDAP_INVALID_DN_SYNTAX, LDAP_INAPPROPRIATE_AUTH,
            LDAP_INSUFFICIENT_ACCESS, LDAP_UNWILLING_TO_PERFORM, LDAP_CONSTRAINT_VIOLATION:
            return .wrong
        default: return .failed(sentence(result))
        }
    }

    static func filter(_ settings: LDAPSettings, _ user: String) -> String {
        let user = escapedInFilter(user)
        if let filter = settings.filter { return filter.replacing("$username", with: user) }
        return "(\(settings.attribute)=\(user))"
    }

    /// A name as a filter takes it literally (RFC 4515).
    static func escapedInFilter(_ name: String) -> String {
        var result = ""
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"), 0, 0x80...:
                let digits = String(byte, radix: 16)
                result += "\\" + (digits.count < 2 ? "0" : "") + digits
            default: result.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return result
    }

    /// A name as a part of a distinguished name takes it literally (RFC 4514); nil: it could mean another part.
    static func escapedInName(_ name: String) -> String? {
        guard !name.isEmpty, !name.contains(where: { $0 == "\0" }) else { return nil }
        var result = ""
        for character in name {
            if ",+\"\\<>;=#".contains(character) { result += "\\" }
            result.append(character)
        }
        if result.first == " " { result = "\\" + result }
        if name.count > 1, result.last == " " { result = result.dropLast() + "\\ " }
        return result
    }

    private static func sentence(_ result: Int32) -> String { unsafe String(cString: ldap_err2string(result)) }
}
