// Which connections are to be encrypted, and can they be?

import OpenSSL
import Proxy

extension Inspection {
    /// `[tls]`: towards clients.
    mutating func clientTransport(_ table: Table) -> TransportSettings {
        var transport = TransportSettings(table.has("certificate") ? .prefer : .disable)
        readTransport(table, into: &transport)
        return transport
    }

    /// Whether clients of every port can be served as the settings say.
    mutating func checkTransports(_ proxy: ProxySettings, _ table: Table) {
        let transport = proxy.transport
        let modes = [transport.security, proxy.readerSecurity, proxy.writerSecurity].compactMap { $0 }
        guard modes.contains(where: { $0 != .disable }) else { return }
        if !table.has("certificate") {
            noteMissing("certificate", in: table, expected: "the file of a certificate; the mode asks for it")
        }
        let verifies = modes.contains(where: \.verifies)
        if verifies, !table.has("ca") {
            noteMissing("ca", in: table, expected: "the file of an authority; the mode asks for clients' certificates")
        }
        guard areReadable(transport.tls, table), transport.tls.certificate != nil,
            !verifies || transport.tls.authorities != nil
        else { return }
        var strictest = transport
        strictest.security = modes.first(where: \.verifies) ?? .require
        check(strictest, .server, table)
    }

    /// `[clusters.NAME.tls]`: towards its nodes.
    mutating func serverTransport(_ table: Table) -> TransportSettings {
        var transport = TransportSettings(.prefer)
        readTransport(table, into: &transport)
        transport.isDirect =
            choice("negotiation", in: table, ["postgres": false, "direct": true]) ?? transport.isDirect
        if transport.isDirect, !transport.security.isRequired {
            note(
                .conflict("a server is not asked first, so that mode must be require, verify-ca or verify-full"),
                at: table.path(of: "negotiation"))
        }
        let isIncomplete = transport.security.verifies && transport.tls.authorities == nil
        if isIncomplete, !table.has("ca") {
            noteMissing("ca", in: table, expected: "the file of an authority; the mode asks whom to believe")
        }
        if transport.security != .disable, areReadable(transport.tls, table), !isIncomplete {
            check(transport, .client, table)
        }
        return transport
    }

    private mutating func readTransport(_ table: Table, into transport: inout TransportSettings) {
        transport.security = security("mode", in: table) ?? transport.security
        transport.tls.certificate = file("certificate", in: table)
        transport.tls.key = file("key", in: table)
        transport.tls.authorities = file("ca", in: table)
        transport.tls.minimumVersion =
            choice("min_version", in: table, ["1.2": .v1_2, "1.3": .v1_3]) ?? transport.tls.minimumVersion
        transport.tls.ciphers = string("ciphers", in: table, expected: "a list of ciphers, as OpenSSL writes it")
        transport.tls.cipherSuites =
            string("cipher_suites", in: table, expected: "a list of cipher suites, as OpenSSL writes it")
    }

    mutating func security(_ key: String, in table: Table) -> TransportSecurity? {
        choice(
            key, in: table,
            [
                "disable": .disable, "allow": .allow, "prefer": .prefer, "require": .require,
                "verify-ca": .verifyCA, "verify-full": .verifyFull,
            ])
    }

    private mutating func file(_ key: String, in table: Table) -> String? {
        string(key, in: table, expected: "the name of a file").map(surroundings.path(of:))
    }

    /// Whether all files are there; each that is not is told.
    private mutating func areReadable(_ tls: TLSSettings, _ table: Table) -> Bool {
        var areAll = true
        for (key, path) in [("certificate", tls.certificate), ("key", tls.key), ("ca", tls.authorities)] {
            guard let path else { continue }
            do throws(UnreadableFile) {
                try Surroundings.checkFile(path)
            } catch {
                note(.conflict(error.reason), at: table.path(of: key))
                areAll = false
            }
        }
        return areAll
    }

    /// Makes what the files and names stand for once, so that a mistake is found now.
    private mutating func check(_ transport: TransportSettings, _ side: TLSContext.Side, _ table: Table) {
        do throws(TLSMistake) {
            _ = try transport.context(side)
        } catch {
            let key =
                switch error.setting {
                case .certificate: "certificate"
                case .key: "key"
                case .authorities: "ca"
                case .ciphers: "ciphers"
                case .cipherSuites: "cipher_suites"
                }
            note(.conflict(error.description), at: table.path(of: key))
        }
    }
}
