// Which clients write and read all the time while servers fail?

import Foundation
import Locks
import PostgresCluster
import TestSupport

/// Writers of rows with numbers that are never used twice, each of which reads its last row back. Every client keeps
/// one connection for the whole time, and to lose it is a violation; unless routers are restarted, too.
final class FailoverLoad: Sendable {
    /// How a client sends its rows.
    enum Manner: CaseIterable, Sendable {
        case simple, extended, transaction, returning
    }

    static let table = "written"

    let ledger = Lock(WriteLedger())
    private let port: Int
    private let survivesRouters: Bool
    private let isOver = Lock(false)
    private let running = DispatchGroup()

    /// - Parameter survivesRouters: a client that has lost its connection comes back; what it had under way may be
    ///   there or not.
    init(_ router: RouterProcess, clientsOfEachManner: Int = 2, survivesRouters: Bool = false) {
        port = router.port
        self.survivesRouters = survivesRouters
        var first = 0
        for manner in Manner.allCases {
            for _ in 0..<clientsOfEachManner {
                start(manner, first: first)
                first += 1_000_000
            }
        }
    }

    /// Makes the table on all servers.
    static func prepare(_ cluster: PostgresCluster) throws {
        try cluster.primary.psql("CREATE TABLE \(table) (id int)", "ALTER TABLE \(table) OWNER TO app")
        try cluster.waitUntilReplicasStream()
    }

    /// Ends all clients and returns what they were told.
    func finish() throws -> WriteLedger {
        isOver.withLock { $0 = true }
        guard running.wait(timeout: .now() + 60) == .success else { throw SupportError("a client does not end") }
        return ledger.withLock { $0 }
    }

    /// Waits until so many more rows were acknowledged.
    func waitForWrites(_ number: Int = 100, within limit: Duration = .seconds(40)) throws {
        let start = ledger.withLock { $0.acknowledged.count }
        try eventually("\(number) further writes", within: limit) {
            ledger.withLock { $0.acknowledged.count } >= start + number
        }
    }

    // MARK: Clients

    private func start(_ manner: Manner, first: Int) {
        running.enter()
        let thread = Thread { [self] in
            defer { running.leave() }
            do {
                try work(manner, first: first)
            } catch {
                ledger.withLock { $0.violate("a client in the manner \(manner) lost its connection: \(error)") }
            }
        }
        thread.start()
    }

    private func work(_ manner: Manner, first: Int) throws {
        var id = first
        while !isOver.withLock({ $0 }) {
            do {
                try work(manner, &id)
            } catch {
                guard survivesRouters else { throw error }
                let number = id
                ledger.withLock { $0.note(number, manner, "08007") }
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
    }

    private func work(_ manner: Manner, _ id: inout Int) throws {
        // A number is used up by every attempt, the one to connect included.
        id += 1
        let client = try WireClient(port: port, deadline: .seconds(50))
        defer { client.close() }
        while !isOver.withLock({ $0 }) {
            id += 1
            let number = id
            let error = try write(number, manner, client)
            ledger.withLock { $0.note(number, manner, error) }
            if error == nil {
                let answer = try client.query("SELECT count(*) FROM \(Self.table) WHERE id = \(number)")
                ledger.withLock { $0.noteRead(found: answer.value == "1", error: answer.errors.first) }
            }
            if client.transactionState != "I" {
                ledger.withLock { $0.violate("\(manner) \(number): in state \(client.transactionState)") }
                _ = try client.query("ROLLBACK")
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// The SQLSTATE of the failure; nil: the row is committed.
    private func write(_ id: Int, _ manner: Manner, _ client: WireClient) throws -> String? {
        let insert = "INSERT INTO \(Self.table) VALUES"
        switch manner {
        case .simple: return try client.query("\(insert) (\(id))").errors.first
        case .extended: return try client.extended("\(insert) ($1::int)", ["\(id)"]).errors.first
        case .returning:
            let answer = try client.query("\(insert) (\(id)) RETURNING id")
            if answer.errors.isEmpty, answer.value != "\(id)" {
                ledger.withLock { $0.violate("row \(id) was answered with \(answer.value ?? "nothing")") }
            }
            return answer.errors.first
        case .transaction:
            for statement in ["BEGIN", "\(insert) (\(id))", "SELECT count(*) FROM \(Self.table)"] {
                if let error = try client.query(statement).errors.first {
                    _ = try client.query("ROLLBACK")
                    // Nothing was sent that could commit.
                    if error == "08007" { ledger.withLock { $0.violate("08007 before a COMMIT") } }
                    return error
                }
            }
            let answer = try client.query("COMMIT")
            return answer.errors.first ?? (answer.contains { $0.tag == "COMMIT" } ? nil : "ROLLBACK")
        }
    }
}
