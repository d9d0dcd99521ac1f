// How does a worker tell what a session's token is, and what a token means here?

import Routing
import Sessions
import Wire

extension Worker {
    /// Carries out a statement about `pointsman.token`; false: its time has not come.
    func carryOut(
        _ command: TokenCommand, _ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int
    ) -> Bool {
        guard let group = client.group else { preconditionFailure("Only a client with a database has a token.") }
        if let error = client.refusal {
            client.refusal = nil
            return refuse(TokenMistake(error: error), client, bytes, at: &offset)
        }
        let shown: CommitToken?
        switch command {
        case .show:
            guard let token = clusters[group.cluster].topology.position?.token(covering: seen(by: client, group)) else {
                return putOff(client, group, bytes, at: &offset)
            }
            shown = token
        case .raise(let token):
            switch meaning(of: token, group) {
            case .floor(let floor):
                client.session.floor.raise(to: floor)
                shown = nil
            case .notKnownYet, nil:
                return putOff(client, group, bytes, at: &offset)
            case .foreign(let system):
                return refuse(.foreign(token, systemIdentifier: system), client, bytes, at: &offset)
            }
        }
        client.endedSearch()
        let attachment = client.server.map { $0.session.attachment }
        client.session.answer(
            aboutToken: shown, bytes, at: &offset, attachment: attachment, table: &statements, toClient: &toClient)
        return true
    }

    /// A token that the client brought at its start; the error is the client's. What is not known yet is asked for
    /// again ahead of the first batch.
    func begin(with token: CommitToken, _ client: ClientConnection, _ group: PoolGroup) -> TokenMistake? {
        switch meaning(of: token, group) {
        case .floor(let floor):
            client.session.floor.raise(to: floor)
            client.startToken = nil
            return nil
        case .notKnownYet, nil:
            client.startToken = token
            return nil
        case .foreign(let system):
            return .foreign(token, systemIdentifier: system)
        }
    }

    /// Whether the first batch of a client can be looked at, as far as the token goes that it brought.
    func settleStartToken(
        _ token: CommitToken, _ client: ClientConnection, _ bytes: Span<UInt8>, at offset: Int
    ) -> Bool {
        guard let group = client.group else { preconditionFailure("Only a client with a database has a token.") }
        if bytes[offset] == Frontend.terminate { return true }
        var error = client.refusal ?? begin(with: token, client, group)?.error
        client.refusal = nil
        if error == nil, client.startToken != nil {
            guard client.waitedFor == .notSampled else {
                shared.clusters[group.cluster].requestSample()
                hold(client, .notSampled, group, unused: bytes.count - offset)
                return false
            }
            error = TokenMistake.notSampled.error
        }
        client.endedSearch()
        guard let error else { return true }
        flush(client, bytes)
        return turnAway(client, error)
    }

    /// nil: nothing is known of the cluster yet.
    private func meaning(of token: CommitToken, _ group: PoolGroup) -> SampledPosition.Meaning? {
        let started = shared.clusters[group.cluster].samples.started
        return clusters[group.cluster].topology.position?.meaning(of: token, startedSample: started)
    }

    /// All that the session must see, and what it has read.
    private func seen(by client: ClientConnection, _ group: PoolGroup) -> Floor {
        let request = request(client.session.demandOfBatch, of: client, group)
        return max(request.floor, request.readFloor, request.globalFloor)
    }

    private func refuse(
        _ mistake: TokenMistake, _ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int
    ) -> Bool {
        client.endedSearch()
        client.session.refuseToken(
            mistake, bytes, at: &offset, isAttached: client.server != nil, table: &statements, toClient: &toClient)
        return true
    }

    private func putOff(
        _ client: ClientConnection, _ group: PoolGroup, _ bytes: Span<UInt8>, at offset: inout Int
    ) -> Bool {
        guard client.waitedFor != .notSampled else {
            return refuse(.notSampled, client, bytes, at: &offset)
        }
        client.session.putOffToken(table: &statements)
        shared.clusters[group.cluster].requestSample()
        hold(client, .notSampled, group, unused: bytes.count - offset)
        return false
    }
}
