// Could docker-compose.yml start what it names? No engine is needed to find what is missing.

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct ComposeTests {
    private struct Composition: Decodable {
        struct Service: Decodable {
            struct Build: Decodable {
                let context: String
                let dockerfile: String
            }

            struct Condition: Decodable {
                let condition: String
            }

            let image: String?
            let build: Build?
            let volumes: [String]?
            let entrypoint: [String]?
            let command: [String]?
            let ports: [String]?
            let depends_on: [String: Condition]?
            let healthcheck: [String: Healthcheck]?
        }

        enum Healthcheck: Decodable {
            case words([String])
            case scalar

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self = (try? container.decode([String].self)).map(Self.words) ?? .scalar
            }
        }

        let services: [String: Service]
    }

    private let composition: Composition

    init() throws {
        let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
        let file = Repository.path("docker-compose.yml")
        let json = try Programs.python(code: script, [file])
        composition = try JSONDecoder().decode(Composition.self, from: Data(json.utf8))
    }

    @Test func hasAPrimaryTwoReplicasAndTheRouter() {
        #expect(Set(composition.services.keys) == ["primary", "replica1", "replica2", "router"])
        for (name, service) in composition.services {
            #expect((service.image == nil) != (service.build == nil), "\(name) needs an image or a build")
            for (other, condition) in service.depends_on ?? [:] {
                #expect(composition.services[other]?.healthcheck != nil, "\(name) waits for the health of \(other)")
                #expect(condition.condition == "service_healthy")
            }
        }
    }

    @Test func everyFileThatItNamesExists() throws {
        var mounted: Set<String> = []
        for service in composition.services.values {
            for volume in service.volumes ?? [] {
                let parts = volume.split(separator: ":").map(String.init)
                try #require(parts.count == 3 && parts[2] == "ro")
                #expect(SourceTree.exists(parts[0]), "\(parts[0]) does not exist")
                mounted.insert(parts[1])
            }
            if let build = service.build {
                #expect(SourceTree.exists(build.context + "/" + build.dockerfile))
            }
        }
        let words = composition.services.values.flatMap { ($0.command ?? []) + ($0.entrypoint ?? []) }
        for word in words where word.contains("_file=") {
            let path = word.split(separator: "=").last.map(String.init) ?? ""
            #expect(mounted.contains(path), "\(path) is not mounted")
        }
        #expect(mounted.contains("/usr/local/bin/replica.sh") && words.contains("/usr/local/bin/replica.sh"))
    }

    @Test func everyFileThatTheImageCopiesExists() throws {
        let lines = try Repository.text("Fixtures/cluster/Dockerfile").split(separator: "\n")
        let sources = lines.filter { $0.hasPrefix("COPY ") && !$0.contains("--from=") }
            .flatMap { $0.split(separator: " ").dropFirst().dropLast() }
        #expect(sources.count >= 4)
        for source in sources { #expect(SourceTree.exists(String(source)), "\(source)") }
    }

    /// The router's settings name the services, and the router takes them.
    @Test func theRoutersSettingsFit() throws {
        let path = "Fixtures/cluster/pointsman.toml"
        let text = try Repository.text(path)
        for name in ["primary", "replica1", "replica2"] { #expect(text.contains("\"\(name):5432\"")) }
        for port in composition.services["router"]?.ports ?? [] {
            let inside = try #require(port.split(separator: ":").last)
            #expect(text.contains("= \(inside)\n"), "the router does not listen on \(inside)")
        }
        let check = ExternalProgram(try Repository.program(), ["check", "--config", Repository.path(path)])
        let result = try check.run()
        #expect(result.status == 0, "\(result.errors)")
    }

    /// A shell takes its script without running it.
    @Test(arguments: ["Fixtures/cluster/replica.sh", ".ci/run", ".ci/deps"])
    func scriptsAreWellFormed(_ path: String) throws {
        try ExternalProgram("/bin/sh", ["-n", Repository.path(path)]).succeed()
    }
}
