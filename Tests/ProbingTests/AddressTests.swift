// Are addresses, answers and libpq's texts read right?

import Routing
import Testing

@testable import Probing

@Suite struct AddressTests {
    @Test(
        arguments: [
            ("10.0.0.1:5433", "10.0.0.1", 5433), ("db1", "db1", 5432), ("db1.example:1", "db1.example", 1),
            ("[::1]:6000", "::1", 6000), ("[::1]", "::1", 5432), ("::1", "::1", 5432),
            ("fe80::1%eth0", "fe80::1%eth0", 5432),
            ("/run/postgresql", "/run/postgresql", 5432), ("/tmp/x:7000", "/tmp/x", 7000), ("h:65535", "h", 65535),
        ] as [(String, String, UInt16)])
    func reads(text: String, host: String, port: UInt16) throws {
        let address = try #require(NodeAddress(text))
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.isSocketDirectory == text.hasPrefix("/"))
    }

    @Test(arguments: [
        "", ":5432", "h:", "h:0", "h:65536", "h:-1", "h:+1", "h:x", "[::1", "[::1]x", "[]:1", "[::1]:", "h:5 ",
    ])
    func refuses(text: String) {
        #expect(NodeAddress(text) == nil)
    }

    @Test(arguments: [("127.0.0.1", true), ("::1", true), ("fe80::1", true), ("localhost", false), ("1.2.3", false)])
    func numbers(host: String, isNumber: Bool) {
        #expect(SystemCalls.isNumericAddress(host) == isNumber)
    }

    @Test(arguments: [
        (
            "connection to server at \"127.0.0.1\", port 1 failed: FATAL:  57P03: the database system is starting up",
            "57P03"
        ),
        ("FATAL:  28P01: password authentication failed for user \"x\"", "28P01"),
        ("connection to server at \"10.1.2.3\", port 12345 failed: Connection refused", nil),
        ("FATAL:  ERROR: WHERE: HINTS: x", nil), ("", nil),
    ])
    func sqlStates(message: String, state: String?) {
        #expect(PostgresConnection.sqlState(in: message) == state)
    }

    private let standby: [String?] = [
        "t", "0/4002000", "0/4002000", "3", "db1:5432", nil, nil, nil, "2", "-7", "795000000000000", "f",
        "10.0.0.2:5432",
        "150018", "8192", "16777216", "t",
    ]
    private let primary: [String?] = [
        "f", nil, nil, nil, nil, "0/4002018", "0/4002000", "00000003000000000000000A", "2", "9", "795000000000000", nil,
        nil,
        "150018",
        "8192", "16777216", "t",
    ]

    @Test func answers() {
        #expect(
            PostgreSQLQuestion.report(standby)
                == ProbeReport(
                    isInRecovery: true, replayLSN: LSN("0/4002000"), receiveLSN: LSN("0/4002000"), timeline: 3,
                    lowestTimeline: 2, systemIdentifier: UInt64(bitPattern: -7),
                    postmasterStartTime: 795_000_000_000_000,
                    isStreaming: true, sender: "db1:5432", serverAddress: "10.0.0.2:5432", serverVersion: 150018))
        #expect(
            PostgreSQLQuestion.report(primary)
                == ProbeReport(
                    isInRecovery: false, insertLSN: LSN("0/4002018"), flushLSN: LSN("0/4002000"), timeline: 3,
                    lowestTimeline: 2,
                    systemIdentifier: 9,
                    postmasterStartTime: 795_000_000_000_000, serverVersion: 150018))
    }

    /// Whatever comes instead of an answer: a report that can be judged, or none; no trap.
    @Test func spoiledAnswers() {
        #expect(PostgreSQLQuestion.report([]) == nil)
        #expect(PostgreSQLQuestion.report(Array(standby.dropLast())) == nil)
        for column in standby.indices {
            for value in [nil, "", "x", "-1", "99999999999999999999999", "t"] as [String?] {
                for answer in [standby, primary] {
                    var spoiled = answer
                    spoiled[column] = value
                    _ = PostgreSQLQuestion.report(spoiled)
                }
            }
        }
    }
}
