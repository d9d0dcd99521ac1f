// How does `pointsman run` start?

import ArgumentParser
import Settings
import Telemetry

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the router in the foreground; the log goes to standard error.")

    @OptionGroup var settings: SettingsOption

    func run() throws {
        let configuration = try Configuration.load(path: settings.config)
        ProcessLog.start(configuration.log)
        try runRouter(configuration: configuration, settingsPath: settings.config)
    }
}

/// The option that names the settings file.
struct SettingsOption: ParsableArguments {
    @Option(help: ArgumentHelp("The settings file (TOML).", valueName: "file"))
    var config: String
}
