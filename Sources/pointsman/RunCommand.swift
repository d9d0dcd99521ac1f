// How does `pointsman run` start?

import ArgumentParser
import Reactor
import Settings
import Telemetry

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the router in the foreground; the log goes to standard error.")

    @OptionGroup var settings: SettingsOption

    @Option(help: ArgumentHelp("The user to become, if root starts it.", valueName: "name"))
    var user: String?

    func run() throws {
        let configuration = try Configuration.load(path: settings.config)
        if let user {
            if let failure = ProcessUser.become(user) { throw OperatorError(sentence: failure) }
        } else if ProcessUser.isRoot {
            throw OperatorError(
                sentence: "it must not run as root: name a user to become with --user (--user root insists on it)")
        }
        ProcessLog.start(configuration.log)
        try runRouter(configuration: configuration, settingsPath: settings.config)
    }
}

/// The option that names the settings file.
struct SettingsOption: ParsableArguments {
    @Option(help: ArgumentHelp("The settings file (TOML).", valueName: "file"))
    var config: String
}
