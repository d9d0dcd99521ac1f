// How does a test play a SCRAM client by hand, so that it can do everything wrong?

import Authentication

@testable import enum Authentication.Base64
@testable import struct Authentication.DerivedKeys
@testable import enum Authentication.SCRAMProof

enum SCRAMClient {
    /// A SASLInitialResponse body.
    static func initial(_ data: String, mechanism: String = "SCRAM-SHA-256", count: Int? = nil) -> [UInt8] {
        Array(mechanism.utf8) + [0] + message(Int32(count ?? data.utf8.count), data)
    }

    /// The proof, in base64, that belongs to a password and the messages exchanged.
    static func proof(
        password: String, salt: [UInt8], iterations: Int, bare: String, serverFirst: String, withoutProof: String
    ) -> String {
        let keys = DerivedKeys(password: Array(password.utf8), salt: salt, iterations: iterations)
        let proof = SCRAMProof.clientProof(
            clientKey: keys.clientKey, authMessage: Array("\(bare),\(serverFirst),\(withoutProof)".utf8))
        return String(decoding: Base64.encode(proof), as: UTF8.self)
    }
}
