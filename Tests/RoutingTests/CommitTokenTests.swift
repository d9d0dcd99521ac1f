// Does a token stand for what was committed, in whatever process it is used?

import Testing

@testable import Routing

@Suite struct CommitTokenTests {
    @Test func text() throws {
        let token = CommitToken(systemIdentifier: 7_300_000_000_000_000_001, timeline: 2, lsn: LSN(0x16_B374_D848))
        #expect(token.description == "7300000000000000001/2/16/B374D848")
        #expect(CommitToken(token.description) == token)
    }

    @Test(arguments: [
        "", "7", "7/1", "7/1/", "7/1/16", "7/1/16/", "7/1/16/B3/4", "-7/1/0/1", "+7/1/0/1", "7/x/0/1", "7/1/0/G",
        "7/4294967296/0/1", "18446744073709551616/1/0/1", " 7/1/0/1",
    ])
    func noToken(_ text: String) { #expect(CommitToken(text) == nil) }

    private let position = SampledPosition(systemIdentifier: 7, timeline: 3, sample: 40, lsn: LSN(5000))

    private func token(_ lsn: UInt64, timeline: UInt32 = 3, system: UInt64 = 7) -> CommitToken {
        CommitToken(systemIdentifier: system, timeline: timeline, lsn: LSN(lsn))
    }

    @Test func givenOnceSampled() {
        #expect(position.token(covering: .none) == token(5000))
        #expect(position.token(covering: Floor(sample: 40)) == token(5000))
        #expect(position.token(covering: Floor(sample: 41)) == nil)
        let unknown = SampledPosition(systemIdentifier: 7, timeline: 3, sample: 0, lsn: LSN(0))
        #expect(unknown.token(covering: .none) == nil)
    }

    @Test func meaning() {
        #expect(position.meaning(of: token(5000), startedSample: 44) == .floor(Floor(sample: 40)))
        #expect(position.meaning(of: token(4000), startedSample: 44) == .floor(Floor(sample: 40)))
        // What lies behind the newest sample is contained in one that begins from now on.
        #expect(position.meaning(of: token(5001), startedSample: 44) == .floor(Floor(sample: 45)))
        // The primary of this timeline has all that is left of the earlier ones.
        #expect(position.meaning(of: token(9000, timeline: 2), startedSample: 44) == .floor(Floor(sample: 40)))
        #expect(position.meaning(of: token(1, timeline: 4), startedSample: 44) == .notKnownYet)
        #expect(position.meaning(of: token(1, system: 8), startedSample: 44) == .foreign(systemIdentifier: 7))
        let unknown = SampledPosition(systemIdentifier: 7, timeline: 3, sample: 0, lsn: LSN(0))
        #expect(unknown.meaning(of: token(0, timeline: 2), startedSample: 44) == .floor(Floor(sample: 45)))
    }

    @Test func positionOfTheCluster() {
        var cluster = ScriptedCluster(2)
        #expect(cluster.topology.position == nil)
        cluster.replica(2, 5000)
        cluster.primary(1, 6000)
        #expect(
            cluster.topology.position
                == SampledPosition(systemIdentifier: 7, timeline: 1, sample: 2, lsn: LSN(6000)))
        // It is kept while no primary is known, and begins anew with the next one.
        cluster.fail(1)
        #expect(cluster.topology.position?.sample == 2)
        cluster.primary(2, 6100, timeline: 2)
        #expect(
            cluster.topology.position
                == SampledPosition(systemIdentifier: 7, timeline: 2, sample: 3, lsn: LSN(6100)))
    }
}
