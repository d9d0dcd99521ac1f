// Does the console tell what the router does, to those who may know?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct ConsoleTests {
    private static let shared = Result {
        try Stage.startRouter(["admin": ["users": #"["postgres"]"#, "stats_users": #"["app"]"#]])
    }

    private func console(_ user: String = "postgres", _ database: String = "pointsman") throws -> WireClient {
        try Self.shared.get().client(user: user, database: database)
    }

    private func table(_ sql: String, _ client: WireClient) throws -> [[String?]] {
        let answer = try client.query(sql)
        #expect(answer.errors == [])
        return answer.rows
    }

    @Test func whoMayUseIt() throws {
        let looker = try console("app", "pgbouncer")
        #expect(try table("SHOW VERSION", looker).first?.first??.hasPrefix("Pointsman ") == true)
        let refused = try looker.query("DRAIN x")
        #expect(refused.first { $0.kind == .errorResponse }?.sqlState == "42501")
        #expect(try table("SHOW HELP", looker).contains { $0[0] == "SHOW ROUTES" })
        #expect {
            try Stage.router().client(user: "app", database: "pointsman")
        } throws: {
            ($0 as? WireClient.ServerError)?.sqlState == "42501"
        }
    }

    @Test func bothProtocols() throws {
        let client = try console()
        let simple = try client.query("SHOW HELP").rows
        #expect(try client.extended("SHOW HELP").rows == simple)
        let unknown = try client.query("SHOW POTS")
        #expect(unknown.first { $0.kind == .errorResponse }?.fields["H"] == "SHOW HELP lists what it knows.")
        #expect(try client.extended("SHOW POTS").contains { $0.kind == .errorResponse })
        #expect(try client.query("SHOW HELP").rows == simple)
    }

    @Test func nodes() throws {
        let rows = try table("SHOW NODES", console())
        #expect(Set(rows.map { $0[1] ?? "" }) == Set(try Stage.cluster().nodes.map(\.address)))
        #expect(rows.map { $0[2] }.sorted { $0 ?? "" < $1 ?? "" } == ["primary", "replica", "replica"])
        for row in rows {
            #expect(row[3] == "up")
            #expect((row[4] != nil) == (row[2] == "replica"))
            #expect(LSNText.isOne(row[7]))
        }
    }

    private enum LSNText {
        static func isOne(_ text: String?) -> Bool { text?.wholeMatch(of: /[0-9A-F]+\/[0-9A-F]+/) != nil }
    }

    @Test func routes() throws {
        let router = try Self.shared.get()
        let client = try router.client()
        let function = SharedCluster.tableName("f")
        let body = "SELECT set_config(''app.route'', ''1'', false)"
        try client.succeed("CREATE FUNCTION \(function)() RETURNS text LANGUAGE sql VOLATILE AS '\(body)'")
        try eventually("the catalog to be known") {
            try client.query("EXPLAIN ROUTE SELECT \(function)()").rows.contains { $0[1] == "catalog" }
        }
        for number in 0..<10 {
            try client.succeed("SELECT 1")
            // One call pins its session.
            let caller = try router.client()
            defer { caller.close() }
            let sql = "SELECT \(number < 3 ? function.uppercased() : function)()"
            #expect(try (number % 2 == 0 ? caller.query(sql) : caller.extended(sql)).errors == [])
        }
        let console = try console()
        try eventually("what was counted to be told") {
            let rows = try table("SHOW ROUTES", console)
            let own = rows.filter { $0[2] == function }
            let reads = rows.filter { $0[0] == "replica" && $0[1]?.hasPrefix("a read") == true }
            return own.compactMap { $0[4].flatMap(Int.init) }.reduce(0, +) == 10
                && own.allSatisfy { $0[0] == "primary" && $0[3] == "app" }
                && own.contains { $0[5]?.hasPrefix("would be balanced if declared STABLE") == true }
                && rows.contains { $0[0] == "pinned" && $0[1] == "hidden code" }
                && !reads.isEmpty
        }
    }

    @Test func explainRoute() throws {
        let client = try console()
        let rows = try table("EXPLAIN ROUTE IN app SELECT nextval('s')", client)
        let items = Dictionary(rows.map { ($0[0] ?? "", $0[1] ?? "") }) { first, _ in first }
        #expect(items["token"] == "nextval")
        #expect(items["goes to"] == "127.0.0.1:\(try Stage.primaryPort()) (primary)")
        let read = try table("EXPLAIN ROUTE IN app SELECT 1", client)
        #expect(read.first?[1]?.hasSuffix("(replica)") == true)
        for text in ["EXPLAIN ROUTE IN app", "EXPLAIN ROUTE IN app /* nothing */"] {
            #expect(try client.query(text).errors == ["42601"])
        }
    }

    @Test func drain() throws {
        let cluster = try Stage.cluster()
        let router = try Stage.startRouter(["admin": ["users": #"["postgres"]"#]])
        let console = try router.client(user: "postgres", database: "pointsman")
        let client = try router.client()
        let drained = cluster.replicas[0]
        #expect(try table("DRAIN \(drained.address)", console) == [])
        try eventually("the node to be drained") {
            try table("SHOW NODES", console).contains { $0[1] == drained.address && $0[3] == "drained" }
        }
        for _ in 0..<20 { #expect(try client.port() == "\(cluster.replicas[1].port)") }
        let explained = try client.query("EXPLAIN ROUTE SELECT 1").rows
        let verdict = explained.first { $0[0] == "node \(drained.address)" }?[1]
        #expect(verdict?.hasSuffix("not eligible: it is drained") == true)
        #expect(try table("UNDRAIN \(drained.address)", console) == [])
        try router.waitUntilReadsReach(cluster.replicaPorts)
        for bad in ["DRAIN nosuch", "DRAIN 127.0.0.1", "DRAIN \(cluster.primary.address)"] {
            #expect(try console.query(bad).contains { $0.kind == .errorResponse }, "\(bad)")
        }
    }

    /// A server may stand in several clusters; whoever takes it out of service means the server.
    @Test func drainInSeveralClusters() throws {
        let cluster = try Stage.cluster()
        let nodes = RouterConfiguration.list(cluster.nodes.map(\.address))
        let router = try Stage.startRouter([
            "admin": ["users": #"["postgres"]"#], "clusters.other": ["nodes": nodes],
            "databases.postgres": ["cluster": #""other""#],
        ])
        let console = try router.client(user: "postgres", database: "pointsman")
        let drained = cluster.replicas[0].address
        func states() throws -> [String?] {
            try table("SHOW NODES", console).filter { $0[1] == drained }.map { $0[3] }
        }
        #expect(try table("DRAIN \(drained)", console) == [])
        try eventually("the node to be drained in both") { try states() == ["drained", "drained"] }
        for database in ["app", "postgres"] {
            let client = try router.client(user: "postgres", database: database)
            for _ in 0..<10 { #expect(try client.port() == "\(cluster.replicas[1].port)") }
        }
        #expect(try table("UNDRAIN \(drained)", console) == [])
        try eventually("the node to be up in both") { try states() == ["up", "up"] }
        let refusal = try console.query("DRAIN \(cluster.primary.address)").errors
        #expect(refusal == ["55000"])
    }

    @Test func psql() throws {
        let target = ["-h", "127.0.0.1", "-p", "\(try Self.shared.get().port)", "-U", "postgres", "-d", "pgbouncer"]
        let result = try Stage.cluster().programs.client(
            "psql", ["-X"] + target + ["-c", "SHOW NODES", "-c", "SHOW ROUTES", "-c", "SHOW HELP;"]
        ).run()
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("DRAIN node"))
    }

    @Test func theRouterStopsWithAClientOfTheConsole() throws {
        let router = try Stage.startRouter(["admin": ["users": #"["postgres"]"#]])
        let console = try router.client(user: "postgres", database: "pointsman")
        _ = try table("SHOW NODES", console)
        router.signal(SIGINT)
        try router.expectCleanEnd()
    }
}
