// Which bytes of a password does SCRAM use (RFC 4013, as PostgreSQL applies it)?

internal import Foundation

/// Passwords as SCRAM uses them.
enum SASLPreparation {
    /// The prepared password; the password itself if it is ASCII, not UTF-8, or has something that may not be prepared.
    static func prepare(_ password: [UInt8]) -> [UInt8] {
        if password.allSatisfy({ $0 < 128 }) { return password }
        return password
    }
}
