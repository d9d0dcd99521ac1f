// With which certificates are new connections encrypted now?

import Locks
import OpenSSL
import Reactor
import Sessions

/// The TLS of each side, which can be read again while connections come and go.
final class Transports: Sendable {
    private struct Side {
        var settings: TransportSettings
        var context: TLSContext?
    }

    private struct Content {
        var clients: Side
        /// By the number of the cluster.
        var clusters: [Side]
    }

    private let content: Lock<Content>

    /// Settings that cannot be carried out have been found before; here they leave a side without TLS.
    init(clients: TransportSettings, clusters: [TransportSettings]) {
        content = Lock(
            Content(
                clients: Side(settings: clients, context: try? clients.context(.server)),
                clusters: clusters.map { Side(settings: $0, context: try? $0.context(.client)) }))
    }

    /// Reads certificates and keys again, with new settings towards clients. Whatever cannot be used stays as it was.
    ///
    /// - Returns: what is wrong, a sentence each.
    func reload(clients: TransportSettings) -> [String] {
        var mistakes: [String] = []
        let old = content.withLock { $0 }
        var new = old
        do throws(TLSMistake) {
            new.clients = Side(settings: clients, context: try clients.context(.server))
        } catch {
            mistakes.append(error.description)
        }
        for number in new.clusters.indices {
            do throws(TLSMistake) {
                new.clusters[number].context = try new.clusters[number].settings.context(.client)
            } catch {
                mistakes.append(error.description)
            }
        }
        let changed = new
        content.withLock { $0 = changed }
        return mistakes
    }

    /// Whether a client's connection can be encrypted, or has to be. One through a unix socket stays on the machine.
    func encryption(of peer: Peer) -> ClientLogin.Encryption {
        guard case .tcp = peer else { return .unavailable }
        return content.withLock { content in
            guard content.clients.context != nil else { return .unavailable }
            return content.clients.settings.security.isRequired ? .required : .optional
        }
    }

    /// nil: nothing is encrypted any more.
    func channelToClient() -> TLSChannel? {
        content.withLock { $0.clients.context }.map { TLSChannel($0) }
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
