// Which commands does the program have, and with which exit code does each end?

import ArgumentParser
import Foundation
import Settings

@main
struct Pointsman: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pointsman",
        abstract: "Routes PostgreSQL statements: writes to the primary, reads over its replicas.",
        version: "pointsman \(pointsmanVersion)",
        subcommands: [
            RunCommand.self, CheckCommand.self, ClassifyCommand.self, DemoCommand.self, ImportCommand.self,
        ])

    static func main() {
        Foundation.exit(launch(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Runs one command line to its end; every message for the operator has been written when it returns.
    static func launch(_ arguments: [String]) -> ExitCode {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return .success
        } catch let mistake as OperatorError {
            StandardError.write("pointsman: \(mistake.sentence)\n")
            return .operatorMistake
        } catch let mistakes as SettingsError {
            StandardError.write("\(mistakes)\n")
            return .operatorMistake
        } catch let code as ExitCode {
            return code
        } catch {
            return report(error)
        }
    }

    /// What the argument parser has to say, or an error that nobody expected.
    private static func report(_ error: any Error) -> ExitCode {
        switch exitCode(for: error) {
        case .success:
            print(fullMessage(for: error))
            return .success
        case .validationFailure:
            StandardError.write(fullMessage(for: error) + "\n")
            return .wrongUsage
        default:
            StandardError.write("pointsman: internal error: \(error)\n")
            return .internalError
        }
    }
}

extension ExitCode {
    /// Settings that are wrong, a port in use: what the operator can put right.
    static let operatorMistake = ExitCode(1)
    /// A command line that is not understood.
    static let wrongUsage = ExitCode(2)
    /// A fault of the program itself.
    static let internalError = ExitCode(70)
}

/// A mistake of the operator, told in one sentence.
struct OperatorError: Error, Equatable {
    let sentence: String
}

enum StandardError {
    static func write(_ text: String) {
        // Nothing is left to tell it to when standard error is closed.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
