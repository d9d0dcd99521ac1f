// With which parameters does libpq reach a node?

import Routing

/// libpq's parameters for one attempt to connect.
enum ConnectionParameters {
    /// - Parameters:
    ///   - addresses: of a host name, as the name service gave them; ignored for the directory of a socket. Without
    ///     any, libpq asks the name service, and waits.
    ///   - attempt: Each attempt begins with another address, in case one of them never answers.
    static func make(
        _ address: NodeAddress, addresses: [String], attempt: Int, settings: ProbeSettings, database: String,
        purpose: String, statementTimeout: Duration
    ) -> [(String, String)] {
        var parameters = [
            ("port", "\(address.port)"), ("user", settings.user), ("dbname", database),
            ("application_name", "pointsman \(purpose)"), ("client_encoding", "UTF8"),
            ("gssencmode", "disable"), ("target_session_attrs", "any"), ("fallback_application_name", ""),
            (
                "options",
                "-c statement_timeout=\(statementTimeout.clampedNanoseconds / 1_000_000) -c search_path=pg_catalog"
            ),
        ]
        parameters += settings.encryption.parameters
        if let password = settings.password { parameters.append(("password", password)) }
        if address.isSocketDirectory || addresses.isEmpty {
            parameters.append(("host", address.host))
        } else {
            let start = attempt % addresses.count
            let turned = addresses[start...] + addresses[..<start]
            parameters.append(("host", turned.map { _ in address.host }.joined(separator: ",")))
            parameters.append(("hostaddr", turned.joined(separator: ",")))
        }
        return parameters
    }
}
