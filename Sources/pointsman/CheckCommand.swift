// Is a settings file fit to run with?

import ArgumentParser
import Settings

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read the settings and report every mistake in them.")

    @OptionGroup var settings: SettingsOption

    @Flag(help: "Ask each node once, as the router does, and tell what it says.")
    var connect = false

    func run() throws {
        let configuration = try Configuration.load(path: settings.config)
        let nodes = configuration.proxy.clusters.values.reduce(0) { $0 + $1.nodes.count }
        let parts = [
            counted(configuration.proxy.clusters.count, "cluster"),
            counted(nodes, "node") + (configuration.discoveries.isEmpty ? "" : " and those that are found out"),
            counted(configuration.proxy.databases.count, "database"),
            counted(configuration.proxy.directory.count, "user"),
        ]
        print("\(settings.config): fine (\(parts.joined(separator: ", ")))")
        guard connect else { return }
        let check = NodeCheck(configuration)
        for line in check.lines { print(line) }
        if !check.isComplete { throw ExitCode.operatorMistake }
    }

    private func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
