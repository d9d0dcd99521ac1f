// How do the settings that a session has changed come to be told to its other servers?

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

    /// The server has told what the client has changed.
    func adopt(_ found: [InspectedSetting], _ client: ClientConnection, _ server: ServerConnection) {
        guard !found.isEmpty else { return keepForSettings(client, server) }
        let former = client.session.profile.id
        let initial = client.session.initialProfile.id
        let (own, left) = shared.profiles.withLock { $0.retain(found, after: former, initial: initial) }
        client.session.adopt(own, table: &statements)
        server.session.profile = left.id
        holdProfile(server)
        let previous = client.ownProfile
        client.ownProfile = own.id == initial ? nil : OwnProfile(own)
        shared.profiles.withLock { table in
            if let previous { table.release(previous.profile) }
            if own.id == initial { table.release(own) }
            table.release(left)
        }
    }

    /// The session may have returned to what the client brought.
    func followProfile(_ client: ClientConnection) {
        guard let own = client.ownProfile, client.session.profile.id != own.profile.id else { return }
        client.ownProfile = nil
        shared.profiles.withLock { $0.release(own.profile) }
    }

    /// What cannot be asked for stays where it is.
    private func keepForSettings(_ client: ClientConnection, _ server: ServerConnection) {
        let isGranted = server.pool.machine.withLock { $0.pin(server.id) }
        guard isGranted else {
            return close(
                client,
                ErrorFields(
                    .fatal, "53300", "too many pinned sessions in this pool",
                    detail: "The server could not be asked for the session's settings, and no session may stay on it."))
        }
        routes.count(.setting)
        client.session.pinned(.setting, on: &server.session, toServer: &toServer)
        uncount(server)
        sendOwn(server)
    }
}
