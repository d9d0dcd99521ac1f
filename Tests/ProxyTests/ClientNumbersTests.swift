// Are clients counted by database, by user and by both as if each count were written down?

import Testing

@testable import Proxy

struct ClientNumbersTests {
    private struct Pair: Hashable {
        var database: String
        var user: String
    }

    private static func settings(ofDatabase: Int, ofUser: Int) -> SettingsInForce {
        var settings = ProxySettings()
        settings.server.maxDatabaseClients = ofDatabase
        settings.server.maxUserClients = ofUser
        return SettingsInForce(settings)
    }

    /// Clients come and go at random; the limits change now and then.
    @Test(arguments: [UInt8(1), 2, 3])
    func asWrittenDown(_ seed: UInt8) {
        var random = RandomSource(seed: [seed])
        var numbers = ClientNumbers()
        var present: [(Pair, Admission)] = []
        var (ofDatabase, ofUser) = (5, 7)
        var settings = Self.settings(ofDatabase: ofDatabase, ofUser: ofUser)
        var refusals = 0
        for step in 0..<5_000 {
            if step.isMultiple(of: 500) {
                (ofDatabase, ofUser) = (Int.random(in: 0..<8, using: &random), Int.random(in: 0..<8, using: &random))
                settings = Self.settings(ofDatabase: ofDatabase, ofUser: ofUser)
            }
            if !present.isEmpty, Int.random(in: 0..<5, using: &random) < 2 {
                numbers.dismiss(present.remove(at: Int.random(in: present.indices, using: &random)).1)
                continue
            }
            let pair = Pair(
                database: "d\(Int.random(in: 0..<4, using: &random))",
                user: "u\(Int.random(in: 0..<4, using: &random))")
            let isFull =
                ofDatabase > 0 && present.count { $0.0.database == pair.database } >= ofDatabase
                || ofUser > 0 && present.count { $0.0.user == pair.user } >= ofUser
            switch numbers.admit(database: pair.database, user: pair.user, settings) {
            case .success(let admission):
                #expect(!isFull)
                #expect(admission.user == pair.user)
                present.append((pair, admission))
            case .failure(let error):
                #expect(isFull && error.sqlState == "53300")
                refusals += 1
            }
        }
        #expect(refusals > 100)
        for (_, admission) in present { numbers.dismiss(admission) }
        #expect(numbers.isEmpty)
    }
}
