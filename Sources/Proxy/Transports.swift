// With which certificates are new connections encrypted now?

import Locks
import OpenSSL
import Reactor
import Routing
import Sessions

/// The TLS of each side, which can be read again while connections come and go.
final class Transports: Sendable {
    private struct Side {
        var settings: TransportSettings
        var context: TLSContext?
    }

    private struct Content {
        var clients: [ListenerKind: Side]
        /// By the number of the cluster.
        var clusters: [Side]
    }

    private let content: Lock<Content>

    /// Settings that cannot be carried out have been found before; here they leave a side without TLS.
    init(_ settings: ProxySettings, clusters: [TransportSettings]) {
        let sides = ListenerKind.allCases.map { port in
            let transport = settings.transport(of: port)
            return (port, Side(settings: transport, context: try? transport.context(.server)))
        }
        content = Lock(
            Content(
                clients: Dictionary(uniqueKeysWithValues: sides),
                clusters: clusters.map { Side(settings: $0, context: try? $0.context(.client)) }))
    }

    /// Reads certificates and keys again, with new settings towards clients. Whatever cannot be used stays as it was.
    ///
    /// - Returns: what is wrong, a sentence each.
    func reload(_ settings: ProxySettings) -> Set<String> {
        var mistakes: Set<String> = []
        var new = content.withLock { $0 }
        for port in ListenerKind.allCases {
            let transport = settings.transport(of: port)
            do throws(TLSMistake) {
                new.clients[port] = Side(settings: transport, context: try transport.context(.server))
            } catch {
                mistakes.insert(error.description)
            }
        }
        for number in new.clusters.indices {
            do throws(TLSMistake) {
                new.clusters[number].context = try new.clusters[number].settings.context(.client)
            } catch {
                mistakes.insert(error.description)
            }
        }
        let changed = new
        content.withLock { $0 = changed }
        return mistakes
    }

    /// Whether a client's connection can be encrypted, or has to be. One through a unix socket stays on the machine.
    func encryption(of peer: Peer, on port: ListenerKind) -> ClientLogin.Encryption {
        guard case .tcp = peer else { return .unavailable }
        return content.withLock { content in
            guard let side = content.clients[port], side.context != nil else { return .unavailable }
            return side.settings.security.isRequired ? .required : .optional
        }
    }

    /// nil: nothing is encrypted any more.
    func channelToClient(on port: ListenerKind) -> TLSChannel? {
        content.withLock { $0.clients[port]?.context }.map { TLSChannel($0) }
    }

    func security(ofCluster number: Int) -> TransportSecurity {
        content.withLock { content in
            let side = content.clusters[number]
            return side.context == nil ? .disable : side.settings.security
        }
    }

    /// How a connection to a node becomes an encrypted one; nil: it cannot.
    func handshake(cluster number: Int, host: String) -> Handshake? {
        let side = content.withLock { $0.clusters[number] }
        guard let context = side.context else { return nil }
        let channel = TLSChannel(context, name: host, checksName: side.settings.security == .verifyFull)
        return Handshake(channel: channel, isDirect: side.settings.isDirect)
    }
}
