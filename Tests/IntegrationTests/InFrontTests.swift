// Can load balancers stand in front of the router, and does it tell them and its log the truth?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct InFrontTests {
    private func answer(_ port: Int, _ path: String) throws -> (status: Int, text: String) {
        let socket = try StreamSocket(port: port)
        let deadline = ContinuousClock.now + .seconds(10)
        try socket.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8), deadline: deadline)
        var bytes: [UInt8] = []
        while true {
            let more = try socket.receive(deadline: deadline)
            if more.isEmpty { break }
            bytes += more
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (status ?? 0, text.components(separatedBy: "\r\n\r\n").last ?? "")
    }

    @Test func healthOverHTTP() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let port = try LoopbackPort.free()
        let router = try Stage.startRouter(cluster, ["admin": ["http": "\"127.0.0.1:\(port)\""]])
        let one = ["/primary?cluster=main", "/primary?cluster=no"]
        let paths = ["/healthz", "/readyz", "/primary", "/replica"] + one + ["/x"]
        #expect(try paths.map { try answer(port, $0).status } == [200, 200, 200, 200, 200, 404, 404])
        try cluster.replicas[0].stop(.immediate)
        try eventually("the replica to be missed") { try answer(port, "/replica").status == 503 }
        #expect(try answer(port, "/primary").status == 200)
        try cluster.primary.stop(.immediate)
        try eventually("the primary to be missed") { try answer(port, "/readyz").status == 503 }
        #expect(try answer(port, "/healthz").status == 200)
        try cluster.primary.start()
        try eventually("the primary to be back") { try answer(port, "/primary").status == 200 }
        // A balancer stops sending clients while those that are there finish.
        let client = try router.client()
        router.signal(SIGTERM)
        try eventually("the end to be announced") { try answer(port, "/readyz").status == 503 }
        #expect(try answer(port, "/healthz") == (200, answer(port, "/readyz").text))
        client.close()
        #expect(try router.waitUntilExit() == 0)
    }

    /// Read by the library that Prometheus' own tools for Python use.
    @Test func metrics() throws {
        let port = try LoopbackPort.free()
        let router = try Stage.startRouter(["admin": ["http": "\"127.0.0.1:\(port)\""]])
        defer { router.stop() }
        let client = try router.client()
        try client.succeed("SELECT pg_sleep(0.3)")
        try client.succeed("CREATE TEMP TABLE pinned (x int)")
        try eventually("the pin to be counted") { try answer(port, "/metrics").text.contains("pointsman_pins_total{") }
        let (status, text) = try answer(port, "/metrics")
        #expect(status == 200)
        let code = """
            import sys
            from prometheus_client.parser import text_string_to_metric_families
            for family in text_string_to_metric_families(sys.argv[1]):
                for sample in family.samples:
                    labels = [f"{name}={text}" for name, text in sorted(sample.labels.items())]
                    print(family.type, sample.name, *labels, float(sample.value))
            """
        let lines = try Programs.python(code: code, [text]).split(separator: "\n").map(String.init)
        let (primary, replica) = try (Stage.cluster().primary, Stage.cluster().replicas[0])
        let expected = [
            "gauge pointsman_clients 1.0", "gauge pointsman_node_up cluster=main node=\(primary.address) 1.0",
            "gauge pointsman_node_role cluster=main node=\(primary.address) role=primary 1.0",
            "gauge pointsman_node_role cluster=main node=\(replica.address) role=replica 1.0",
            "gauge pointsman_node_lag_seconds cluster=main node=\(replica.address)",
            "counter pointsman_routed_batches_total reason=a read that any replica can answer role=replica",
            "counter pointsman_pins_total reason=", "counter pointsman_held_refusals_total 0.0",
            "gauge pointsman_pool_servers database=app node=\(primary.address) state=pinned user=app 1.0",
            "counter pointsman_pool_refusals_total database=app node=\(primary.address) reason=max_pinned user=app 0.0",
        ]
        let slow = lines.first { $0.hasPrefix("histogram pointsman_query_seconds_sum database=app role=replica") } ?? ""
        #expect(Double(slow.split(separator: " ").last ?? "") ?? 0 >= 0.3, "\(slow)")
        for line in expected { #expect(lines.contains { $0.hasPrefix(line) }, "\(line)") }
        #expect(Set(lines).count == lines.count, "no figure stands there twice")
        let families = Set(text.matches(of: /(?m)^# TYPE (\w+)/).map { String($0.output.1) })
        let dashboard = try Repository.text("Fixtures/monitoring/grafana.json")
        let shown = dashboard.matches(of: /pointsman_[a-z_]+/).map { String($0.output) }
        #expect(shown.count > 20)
        // Some families are left out while there is nothing to tell.
        let rare: Set = ["pointsman_client_limits_total"]
        for name in shown {
            let family = name.replacing(/_bucket$/, with: "")
            #expect(families.contains(family) || rare.contains(family), "\(name) is in no family")
        }
    }

    @Test func portInUse() throws {
        let cluster = try Stage.cluster()
        let error = #expect(throws: (any Error).self) {
            _ = try RouterProcess.start(
                cluster: cluster, overrides: ["admin": ["http": "\"127.0.0.1:\(cluster.primary.port)\""]])
        }
        let sentence = "cannot listen for HTTP on 127.0.0.1:\(cluster.primary.port)"
        #expect("\(error.map { "\($0)" } ?? "")".contains(sentence))
    }

    private func login(_ router: RouterProcess, _ header: [UInt8]) throws -> WireClient {
        let client = try WireClient(silentTo: .port(router.port))
        try client.send(.raw(header))
        try client.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "app")])))
        try client.logIn()
        return client
    }

    @Test func clientsBehindAProxy() throws {
        let router = try RouterProcess.start(
            RouterConfiguration(
                cluster: Stage.cluster(), overrides: ["listen": ["proxy_protocol_from": "[\"127.0.0.0/8\"]"]]))
        defer { router.stop() }
        let text = Array("PROXY TCP4 192.0.2.7 10.0.0.1 60000 6432\r\n".utf8)
        let block: [UInt8] = [
            13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 12, 192, 0, 2, 8, 10, 0, 0, 1, 1, 2, 3, 4,
        ]
        for (header, address) in [(text, "192.0.2.7:60000"), (block, "192.0.2.8:258")] {
            let client = try login(router, header)
            #expect(try client.value("SELECT 1") == "1")
            // What is told of the client names it, not the proxy.
            try client.send(.raw([0xff, 0, 0, 0, 4]))
            _ = try client.readUntilEnd()
            try eventually("\(address) in the log") { router.log.contains("client=\(address)") }
        }
        // Nobody on such an address speaks for himself.
        let error = #expect(throws: WireClient.ServerError.self) { try router.client() }
        #expect(error?.sqlState == "08P01" && error?.message == "a header of the PROXY protocol was expected")
        #expect(throws: WireClient.ServerError.self) { try login(router, Array("PROXY TCP4 x\r\n".utf8)) }
        // A cancel request comes with a header of its own.
        let client = try login(router, text)
        let sleep = "SELECT pg_sleep(30.25)"
        try client.send(.query(sleep))
        try eventually("the query to run") {
            try Stage.cluster().nodes.contains {
                try $0.psql("SELECT count(*) FROM pg_stat_activity WHERE query = '\(sleep)'") == "1"
            }
        }
        let other = try StreamSocket(port: router.port)
        let request = FrontendMessage.cancelRequest(pid: client.backendPID, key: client.backendKey)
        try other.send(block + request, deadline: .now + .seconds(5))
        #expect(try other.receive(deadline: .now + .seconds(5)).isEmpty)
        #expect(try client.readUntilReady().errors == ["57014"])
    }

    /// Which of the routers has the client: its log tells of clients that end in disorder.
    private func router(of client: WireClient, at port: Int, among routers: [RouterProcess]) throws -> Int? {
        try client.send(.raw([0xff, 0, 0, 0, 4]))
        _ = try client.readUntilEnd()
        var found: Int?
        try eventually("a router to tell of the client at port \(port)") {
            found = routers.firstIndex { $0.log.contains("client=127.0.0.1:\(port) ") }
            return found != nil
        }
        return found
    }

    @Test func twoRoutersBehindHAProxy() throws {
        let haproxy = "/usr/sbin/haproxy"
        guard FileManager.default.isExecutableFile(atPath: haproxy) else {
            throw SupportError("HAProxy is not installed; run: make deps")
        }
        let cluster = try Stage.cluster()
        let ports = try (0..<3).map { _ in try LoopbackPort.free() }
        let routers = try (0..<2).map { number in
            try RouterProcess.start(
                RouterConfiguration(
                    cluster: cluster,
                    overrides: [
                        "listen": ["proxy_protocol_from": "[\"127.0.0.1\"]"],
                        "admin": ["http": "\"127.0.0.1:\(ports[number])\""],
                    ]))
        }
        defer { for router in routers { router.stop() } }
        let balancer = try ExternalProgram(
            haproxy, ["-db", "-f", Repository.path("Fixtures/high-availability/haproxy.cfg")],
            environment: [
                "BIND": "127.0.0.1:\(ports[2])", "POINTSMAN_A": "127.0.0.1:\(routers[0].port)", "HTTP_A": "\(ports[0])",
                "POINTSMAN_B": "127.0.0.1:\(routers[1].port)", "HTTP_B": "\(ports[1])",
            ]
        ).start()
        defer {
            kill(balancer.pid, SIGKILL)
            _ = try? balancer.finish()
        }
        func connect() throws -> WireClient { try WireClient(port: ports[2]) }
        try eventually("both routers to be used") {
            let clients = try (0..<4).map { _ in try connect() }
            for client in clients { #expect(try client.value("SELECT 1") == "1") }
            return try Set(clients.map { try router(of: $0, at: $0.localPort, among: routers) }).count == 2
        }
        // One is told to stop: those that it has go on, and all that come are the other one's.
        let staying = try (0..<4).map { _ in try connect() }
        routers[0].signal(SIGTERM)
        try eventually("the first router to be left alone") {
            try (0..<4).allSatisfy { _ in
                let client = try connect()
                return try router(of: client, at: client.localPort, among: routers) == 1
            }
        }
        for client in staying { #expect(try client.value("SELECT 2") == "2") }
        for client in staying { client.close() }
        #expect(try routers[0].waitUntilExit() == 0)
    }
}
