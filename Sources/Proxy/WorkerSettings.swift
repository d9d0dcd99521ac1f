// What becomes of what a session has left on its server: does it follow, does it keep the session there, is it gone?

import Locks
import Pooling
import Reactor
import SQL
import Sessions
import Wire

/// What a client keeps in the table of profiles besides what it brought. On the heap, because hardly any does.
final class OwnProfile {
    let profile: SettingsProfile

    init(_ profile: SettingsProfile) { self.profile = profile }
}

extension Worker {
    /// The client is through with its server, but for what it has changed there: that is asked for.
    func inspect(_ client: ClientConnection, _ server: ServerConnection) {
        let names = shared.profiles.withLock { client.session.settingsToInspect(in: $0) }
        client.session.inspect(names, on: &server.session, toServer: &toServer)
        sendOwn(server)
    }

    /// The client is to have again what it brought.
    func restore(_ client: ClientConnection, _ server: ServerConnection) {
        let brought = shared.profiles.withLock { $0.parameters(of: client.session.initialProfile.id) }
        client.session.restore(brought, on: &server.session, toServer: &toServer)
        sendOwn(server)
    }

    /// The server has told what the client has changed, and what it holds of it.
    func adopt(_ found: InspectedState, _ client: ClientConnection, _ server: ServerConnection) {
        if !found.settings.isEmpty, !adoptSettings(found.settings, client, server) {
            return keep(client, on: server, .setting)
        }
        if !found.reasons.isEmpty { return keep(client, on: server, found.reasons) }
        if !client.session.isPinned { server.pool.machine.withLock { $0.unpin(server.id) } }
    }

    /// false: the settings cannot follow the session, because its statements mean what they meant under the former.
    private func adoptSettings(
        _ found: [InspectedSetting], _ client: ClientConnection, _ server: ServerConnection
    ) -> Bool {
        let former = client.session.profile
        let initial = client.session.initialProfile.id
        let (own, left) = shared.profiles.withLock { $0.retain(found, after: former.id, initial: initial) }
        let canFollow = own.parsing == former.parsing || client.session.statementCount == 0
        let previous = client.ownProfile
        if canFollow {
            client.session.adopt(own, table: &statements)
            server.session.profile = left.id
            holdProfile(server)
            client.ownProfile = own.id == initial ? nil : OwnProfile(own)
        }
        shared.profiles.withLock { table in
            if canFollow, let previous { table.release(previous.profile) }
            if !canFollow || own.id == initial { table.release(own) }
            table.release(left)
        }
        return canFollow
    }

    /// The session may have returned to what the client brought.
    func followProfile(_ client: ClientConnection) {
        guard let own = client.ownProfile, client.session.profile.id != own.profile.id else { return }
        client.ownProfile = nil
        shared.profiles.withLock { $0.release(own.profile) }
    }

    /// What cannot follow the session stays where it is.
    private func keep(_ client: ClientConnection, on server: ServerConnection, _ reasons: PinReasons) {
        guard tryToPin(client, to: server, reasons) else {
            return close(
                client,
                ErrorFields(
                    .fatal, "53300", "too many pinned sessions in this pool",
                    detail: "The session has left something on its server (\(reasons)), and no session may stay there.",
                    hint: "Raise pool.size or pool.max_pinned, or avoid session state."))
        }
        sendOwn(server)
    }
}
